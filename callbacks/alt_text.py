"""What a figure shows, in words, for those who do not see it: taken from its own titles, axes and legend."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def alt_text(figure: Figure) -> str:
    """One sentence: the title, what is drawn against what, and of whom."""
    panels = [axes for axes in figure.axes if axes.axison and (axes.get_xlabel() or axes.get_ylabel() or axes.get_title())]
    said = list(dict.fromkeys(text for text in map(panel_text, panels) if text))
    title = plain(figure.get_suptitle())
    legends = [*figure.legends, *(legend for axes in figure.axes if (legend := axes.get_legend()) is not None)]
    entries = list(dict.fromkeys(plain(text.get_text()) for legend in legends for text in legend.get_texts()))
    sentence = ": ".join(part for part in (title, "; ".join(said)) if part) or "a figure without words"
    return f"{sentence[0].upper()}{sentence[1:]}" + (f". Shown: {', '.join(entries)}." if entries else ".")


def panel_text(axes: Axes) -> str:
    """ "test loss against epochs"; with its title before it, if it has one."""
    title, up, across = (plain(text) for text in (axes.get_title(), axes.get_ylabel(), axes.get_xlabel()))
    names = [plain(label.get_text()) for label in axes.get_yticklabels()]
    # Bars and dots that lie have names in place of numbers.
    listed = ", ".join(name for name in names if name) if not up and any(name and name[0].isalpha() for name in names) else ""
    drawn = " against ".join(text for text in (up, across) if text) + (f" of {listed}" if listed else "")
    return ": ".join(text for text in (title, drawn) if text)


def plain(text: str) -> str:
    """On one line, without what matplotlib needs to take a name for a name."""
    return " ".join(text.replace(r"\$", "$").split())
