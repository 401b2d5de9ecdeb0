"""Cross-validation: every row is tested once, as scikit-learn would test it."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from datamodules import IrisDataModule
from datamodules.serving.folds import Fold
from datamodules.tables.table import Table


def test_the_folds_are_scikit_learns() -> None:
    x, y = load_iris(return_X_y=True)
    for number, (rest, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=3).split(x, y)):
        data = IrisDataModule(val_fraction=0.0, seed=3, folds=5, fold=number)
        scaler = StandardScaler().fit(x[rest])
        for split, rows in (("train", rest), ("test", test)):
            features, labels = data.splits[split]
            assert np.array_equal(features.numpy(), scaler.transform(x[rows])) and np.array_equal(labels.numpy(), y[rows])


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("val_fraction", [0.0, 0.2])
def test_every_row_is_tested_once_and_trained_on_otherwise(classes: bool, val_fraction: float) -> None:
    targets = np.arange(23) % 2 if classes else np.arange(23.0)[:, None]
    table = Table(np.zeros((23, 1)), targets, ("x",), ("a", "b") if classes else None)
    tested = []
    for number in range(4):
        train, val, test = Fold(number, 4).rows(table, val_fraction, seed=1)
        assert sorted([*train, *val, *test]) == list(range(23)) and len(val) == np.ceil(23 * val_fraction)
        tested += list(test)
    assert sorted(tested) == list(range(23))


def test_what_makes_no_folds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"folds=1 and fold=0: give 2 folds or more"):
        IrisDataModule(folds=1)
    with pytest.raises(ValueError, match=r"folds=5 and fold=5: .* count them from 0"):
        IrisDataModule(folds=5, fold=5)
    with pytest.raises(ValueError, match=r"50 rows in the smallest class cannot be in 51 folds: lower folds"):
        IrisDataModule(folds=51).splits  # noqa: B018
