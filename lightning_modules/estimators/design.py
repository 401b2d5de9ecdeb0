"""From what a user gives, an array or a frame, to the columns of numbers that a linear model sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_modules.counting import counted
from lightning_modules.estimators.levels import Levels
from lightning_modules.estimators.stored import FEWEST_NUMBERS, Stored, stored_codes

# Fewer indicators of a category are quicker as they are.
FEWEST_INDICATORS = 4
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty")


@dataclass(frozen=True)
class Design:
    """How the columns of a frame with texts or categories become numbers.

    Attributes:
        columns: of each column its name if it holds numbers, else its levels.
    """

    columns: tuple[str | Levels, ...]

    @staticmethod
    def learn(frame: Any, weights: NDArray[np.float64] | None) -> "Design | None":
        """Of a pandas frame and the rows' weights (n,), all above 0; None where all its columns hold numbers.

        Raises:
            ValueError: a column of dates, or of texts and numbers; one with more than 1000 levels.
        """
        names = _names(frame.columns)
        has_levels = [_has_levels(name, frame.iloc[:, place]) for place, name in enumerate(names)]
        if not any(has_levels):
            return None
        return Design(
            tuple(
                Levels.learn(name, frame.iloc[:, place], weights) if has_levels[place] else name
                for place, name in enumerate(names)
            )
        )

    @property
    def names(self) -> list[str]:
        """Of the d columns of numbers."""
        return [name for column in self.columns for name in ([column] if isinstance(column, str) else column.names)]

    def refuse_array(self, X: Any) -> None:
        """Refuse what is no frame.

        Raises:
            ValueError: it is an array, which has no texts.
        """
        if not is_frame(X):
            listed = ", ".join(repr(column.column) for column in self.columns if isinstance(column, Levels))
            raise ValueError(f"the fit was on a frame with texts or categories in {listed}: give a frame with the same columns")

    def numbers(self, frame: Any) -> NDArray[np.float64]:
        """Of a frame with the columns of training: (n, d).

        Raises:
            ValueError: missing numbers, texts in a column of numbers.
        """
        numbers, begin = np.empty((len(frame), len(self.names))), 0
        for place, column in enumerate(self.columns):
            cells = frame.iloc[:, place]
            found = _numbers(column, cells)[:, None] if isinstance(column, str) else column.indicators(cells)
            numbers[:, begin : begin + found.shape[1]] = found
            begin += found.shape[1]
        return numbers

    def stored(self, frame: Any) -> Stored:
        """As `numbers`, but categories of some length as codes, where all of it would be much.

        Raises:
            ValueError: as `numbers`.
        """
        if len(frame) * len(self.names) < FEWEST_NUMBERS or not any(map(_is_coded, self.columns)):
            return Stored(self.numbers(frame))
        numbers: list[NDArray[np.float64]] = []
        codes: list[NDArray[np.int64]] = []
        places: list[int] = []
        firsts: list[int] = []
        widths: list[int] = []
        begin = 0
        for place, column in enumerate(self.columns):
            cells = frame.iloc[:, place]
            if isinstance(column, str):
                found = _numbers(column, cells)[:, None]
            elif _is_coded(column):
                codes.append(column.codes(cells))
                firsts.append(begin)
                widths.append(len(column.names))
                begin += widths[-1]
                continue
            else:
                found = column.indicators(cells).astype(np.float64)
            numbers.append(found)
            places += range(begin, begin + found.shape[1])
            begin += found.shape[1]
        return stored_codes(np.column_stack([np.empty((len(frame), 0)), *numbers]), places, codes, firsts, widths)


def _is_coded(column: str | Levels) -> bool:
    return isinstance(column, Levels) and len(column.names) >= FEWEST_INDICATORS


def as_pandas(X: Any) -> Any:
    """A frame of another library (polars, pyarrow) as one of pandas; all else as it is."""
    return X.to_pandas() if not is_frame(X) and hasattr(X, "to_pandas") and hasattr(X, "columns") else X


def is_frame(X: Any) -> bool:
    """Whether it is a pandas frame."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def _names(columns: Sequence[Any]) -> list[str]:
    """As scikit-learn takes names: only if all are texts."""
    is_named = all(isinstance(name, str) for name in columns)
    return list(columns) if is_named else [f"x{place}" for place in range(len(columns))]


def _has_levels(name: str, cells: Any) -> bool:
    import pandas as pd  # noqa: PLC0415

    if isinstance(cells.dtype, pd.CategoricalDtype):
        return True
    if pd.api.types.is_numeric_dtype(cells.dtype):  # bool is one
        return False
    kind = pd.api.types.infer_dtype(cells, skipna=True)
    if kind == "string":
        return True
    if kind in NUMBERS:
        return False
    if kind.startswith("mixed"):
        raise ValueError(
            f"column {name!r} mixes texts and numbers: make it one kind, by frame[{name!r}].astype(str) for example"
        )
    raise ValueError(f"column {name!r} holds {kind}, which no linear model takes: turn it into numbers or categories first")


def _numbers(name: str, cells: Any) -> NDArray[np.float64]:
    try:
        numbers: NDArray[np.float64] = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} held numbers in training, and now something else: {error}") from error
    if missing := int(np.isnan(numbers).sum()):
        raise ValueError(
            f"column {name!r} has {counted(missing, 'missing value')} (NaN): fill "
            f"{'it' if missing == 1 else 'them'} in, by SimpleImputer for example"
        )
    return numbers
