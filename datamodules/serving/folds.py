"""Rows for cross-validation: every row is in the test of exactly one fold."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from datamodules.messages import counted
from datamodules.messages.split_options import check_fold
from datamodules.serving.class_notes import with_class_notes
from datamodules.serving.divided_rows import DividedRows, Targeted
from datamodules.serving.rare_classes import take_with_rare_classes
from datamodules.serving.split import take_rows


@dataclass(frozen=True)
class Fold:
    """The test rows as part number `number` of `count` equal parts.

    Raises:
        ValueError: fewer than two parts, or a number that none of them has.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        check_fold(self.number, self.count)

    def rows(self, data: Targeted, val_fraction: float, seed: int, strict: bool = True) -> DividedRows:
        """Disjoint rows (train, validation, test), stratified by class where there are classes.

        The folds are those of scikit-learn's `StratifiedKFold`, or `KFold`, shuffled by the seed. Validation rows, a share of
        all rows, come out of the rest; `strict` is about these, as in `split_rows`.

        Raises:
            ValueError: a class with fewer rows than folds, or too few rows for validation.
        """
        n = len(data.targets)
        labels = None if data.class_names is None else data.targets
        fewest = n if labels is None else int(np.bincount(labels.astype(np.int64)).min())
        if fewest < self.count:
            where = "" if labels is None else " in the smallest class"
            raise ValueError(f"{counted(fewest)}{where} cannot be in {self.count} folds: lower folds")
        kind = KFold if labels is None else StratifiedKFold
        rest, test = list(kind(self.count, shuffle=True, random_state=seed).split(np.zeros(n), labels))[self.number]
        n_val = math.ceil(n * val_fraction)
        if labels is not None and not strict:
            train, val, _ = without_test = take_with_rare_classes(data, rest, n_val, 0, seed)
            return with_class_notes(data, DividedRows(train, val, test, without_test.notes))
        train, val = take_rows(data, rest, n_val, seed, ("validation",), ("training",))
        return DividedRows(train, val, test)
