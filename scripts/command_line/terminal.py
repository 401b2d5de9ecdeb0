"""A terminal with tables, colours and bars, to which a name is a name."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from command_line.wrapped import at_blanks
from datamodules.messages import shown


class Terminal(Console):
    """rich's console, which takes no text for markup or an emoji, and lets no control character of a text through.

    Args:
        options: as of `Console`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def say(self, text: str) -> None:
        """A line, which is broken at blanks where a terminal would cut it in the middle of a word, and nowhere else."""
        whole = shown(text)
        self.print(at_blanks(whole, self.width) if self.is_terminal else whole, soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        """As long as it will be seen, so that columns stand below each other."""
        return super().render_str(shown(text, lines=True), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The colours are added later: what commands a terminal here is out of a text."""
        for segment in super().render(renderable, options):
            plain = segment.control is not None or segment.text.isprintable()
            yield segment if plain else Segment(shown(segment.text, lines=True), segment.style)
