"""Rows for training, validation and test where some classes have too few rows for every part."""

import numpy as np
from sklearn.model_selection import train_test_split

from datamodules.messages import counted, leave
from datamodules.serving.class_notes import with_class_notes
from datamodules.serving.divided_rows import DividedRows, Rows, Targeted


def split_with_rare_classes(data: Targeted, n_val: int, n_test: int, seed: int) -> DividedRows:
    """Disjoint rows (train, validation, test), with notes; every class is in training.

    A class with fewer rows than there are parts is in training whole, and the others are divided as if it were not there.

    Raises:
        ValueError: no rows are left for a part.
    """
    parts = 1 + bool(n_val) + bool(n_test)
    sizes = np.bincount(data.targets.astype(np.int64))
    rare = set(np.flatnonzero(sizes < parts).tolist())
    return with_class_notes(data, take_with_rare_classes(data, np.arange(len(data.targets)), n_val, n_test, seed, rare))


def take_with_rare_classes(
    data: Targeted, rows: Rows, n_val: int, n_test: int, seed: int, rare: set[int] | frozenset[int] = frozenset()
) -> DividedRows:
    """Take rows for the test and then for validation out of `rows` (m,); what is left is for training.

    Both are stratified samples if these can hold a row of each class that is not `rare`, in training too. Otherwise one
    row of each class is left for training, and from there on the parts are taken from the other rows at random, which a
    note says.

    Raises:
        ValueError: no rows are left for a part.
    """
    labels = data.targets.astype(np.int64)
    parts: list[Rows] = []
    at_random: list[str] = []
    for part, count, reserve in (("the test", n_test, n_val), ("validation", n_val, 0)):
        taken = rows[:0]
        if count:
            stratified = None if at_random else _take_stratified(labels, rows, count, seed, rare, reserve)
            rows, taken, rare = stratified or (*_take_at_random(labels, rows, count, seed, reserve), rare)
            if not len(taken):
                classes = len(np.unique(labels))
                raise ValueError(
                    f"{counted(len(labels))} of {counted(classes, 'class', 'classes')} {leave(len(labels))} "
                    f"none for {part} after one row of each class for training: "
                    "add rows, merge classes, or change val_fraction and test_fraction"
                )
            if stratified is None:
                at_random.append(f"{part} ({counted(len(taken))})")
        parts.append(taken)
    test, val = parts
    return DividedRows(rows, val, test, (_note_on_chance(labels, at_random),) if at_random else ())


def _take_stratified(
    labels: Rows, rows: Rows, count: int, seed: int, rare: set[int] | frozenset[int], reserve: int
) -> tuple[Rows, Rows, set[int]] | None:
    """Divide rows into (those left, the `count` taken), stratified; also the classes that were left whole.

    These are the rare ones, and those of which the sample would leave no row. Where there are none, the rows are those of
    scikit-learn's `train_test_split`, in its order.

    Args:
        labels: class of each row of the data (n,).
        rows: to divide (m,).
        count: how many to take.
        seed: of the choice.
        rare: classes to leave whole.
        reserve: rows that will be taken from those left, beside which every class needs one.

    Returns:
        None if there is no such sample.
    """
    whole = set(rare) | set(np.flatnonzero(np.bincount(labels[rows]) == 1).tolist())
    while True:
        is_whole = np.isin(labels[rows], list(whole))
        common = rows[~is_whole]
        classes = set(labels[common].tolist())
        if not len(classes) <= count <= len(common) - reserve - len(classes):
            return None
        left, taken = train_test_split(common, test_size=count, random_state=seed, stratify=labels[common])
        lost = classes - set(labels[left].tolist())
        if not lost:
            return (np.concatenate([rows[is_whole], left]) if is_whole.any() else left), taken, whole
        whole |= lost


def _take_at_random(labels: Rows, rows: Rows, count: int, seed: int, reserve: int) -> tuple[Rows, Rows]:
    """Divide rows into (those left, those taken) at random, one row of each class left.

    `count` are taken, or what can be had of them if the `reserve` that will be taken afterwards is to have its share.
    """
    order = np.random.RandomState(seed).permutation(rows)
    first = np.unique(labels[order], return_index=True)[1]
    free = np.delete(order, first)
    if count + reserve > len(free):
        count = max(min(1, len(free) - bool(reserve)), len(free) * count // (count + reserve))
    return np.concatenate([order[first], free[count:]]), free[:count]


def _note_on_chance(labels: Rows, at_random: list[str]) -> str:
    verb = "is" if len(at_random) == 1 else "are"
    return (
        f"{counted(len(labels))} and {len(np.unique(labels))} classes: too few rows for every class to be in every part; "
        f"one row of each class is in training, {' and '.join(at_random)} {verb} taken from the others at random"
    )
