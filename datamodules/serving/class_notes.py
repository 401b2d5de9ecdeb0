"""What the user should know of classes that are not in every part."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.messages import counted, listed
from datamodules.serving.divided_rows import DividedRows, Targeted

TRAINING = "training"


def with_class_notes(data: Targeted, divided: DividedRows) -> DividedRows:
    """The same rows, with a further note for each choice of parts in which classes have no row.

    Real targets have no classes to miss.
    """
    names = data.class_names or ()
    counts = [np.bincount(data.targets[rows].astype(np.int64), minlength=len(names)) for rows in divided] if names else []
    return DividedRows(*divided, (*divided.notes, *class_notes(names, counts)))


def class_notes(names: Sequence[str], counts: Iterable[NDArray[np.int64]]) -> list[str]:
    """A sentence for each choice of parts in which classes have no row.

    A part without rows was not asked for, and no class is missed there; nor is one that has no rows at all.

    Args:
        names: of the C classes.
        counts: rows of each class (C,), of training, validation and test.
    """
    by_part = {part: rows for part, rows in zip((TRAINING, "validation", "the test"), counts, strict=False) if rows.any()}
    sizes = {name: int(sum(rows[label] for rows in by_part.values())) for label, name in enumerate(names)}
    classes_by_absence: dict[tuple[str, ...], list[str]] = {}
    for label, name in enumerate(names):
        absent = tuple(part for part, rows in by_part.items() if not rows[label])
        if absent and sizes[name]:
            classes_by_absence.setdefault(absent, []).append(name)
    notes = []
    for absent, classes in classes_by_absence.items():
        rows = {name: sizes[name] for name in classes}
        notes.append(in_training_only(rows) if set(by_part) - set(absent) == {TRAINING} else absent_from(rows, absent))
    return notes


def in_training_only(sizes: dict[str, int]) -> str:
    """A sentence about classes, with their numbers of rows, whose rows are all in training."""
    return _sentence(sizes, "it is in training", "all of them are in training", "all of their rows are in training")


def absent_from(sizes: dict[str, int], parts: tuple[str, ...]) -> str:
    """A sentence about classes, with their numbers of rows, that are absent from the same parts."""
    where = " or ".join(parts)
    return _sentence(sizes, f"it is not in {where}", f"none of them is in {where}", f"none of their rows is in {where}")


def _sentence(sizes: dict[str, int], one_row: str, one_class: str, many: str) -> str:
    """What is said of a class of one row, of a class of several, and of several classes."""
    if len(sizes) > 1:
        return f"classes {listed(f'{name!r} ({counted(size)})' for name, size in sizes.items())}: {many}"
    ((name, size),) = sizes.items()
    return f"class {name!r} has {counted(size)}: {one_row if size == 1 else one_class}"
