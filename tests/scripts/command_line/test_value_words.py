"""What an option takes, in words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
import torch
from command_line.value_words import in_words


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (int, "a whole number"),
        (float, "a number"),
        (float | None, "a number or null"),
        (int | float, "a number"),
        (bool, "true or false"),
        (Optional[bool], "true, false or null"),  # noqa: UP045 – as Lightning writes it
        (str | Path, "a text or a path"),
        (Literal["auto", "hessian", "ggn"], "auto, hessian or ggn"),
        (Union[None, Literal["cg"], int], "cg, a whole number or null"),  # noqa: UP007
        (list[str] | None, "a list of texts, [a, b] or null"),
        (list[str | float], "a list of texts or numbers, [a, b]"),
        (Sequence[int], "a list of whole numbers, [1, 2]"),
        (dict[str, float], "names with numbers, {a: 0.5}"),
        (float | torch.Tensor, "a number"),
        (Callable[[int], torch.nn.Module], "a class"),
        (torch.nn.Module | None, "a class or null"),
        (Any, "anything"),
    ],
)
def test_types_are_said_in_words(hint: Any, said: str) -> None:
    assert in_words(hint) == said
