"""Arguments of the wrong type from Python are refused with what to give instead."""

from collections.abc import Callable

import pytest

from callbacks import CurvatureDiagnostics, LastCheckpoint, ReplicaCheck
from datamodules import BreastCancerDataModule, DigitsDataModule, IrisDataModule, TabularDataModule


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: IrisDataModule(batch_size="all"), "batch_size='all': give a whole number, or None for all rows, not str"),
        (lambda: IrisDataModule(batch_size=2.5), "batch_size=2.5: give a whole number"),
        (lambda: IrisDataModule(batch_size=True), "batch_size=True: give a whole number"),
        (lambda: BreastCancerDataModule(val_fraction="0.2"), "val_fraction='0.2': give a number, not str"),
        (lambda: BreastCancerDataModule(test_fraction=[1]), r"test_fraction=\[1\]: give a number, not list"),
        (lambda: DigitsDataModule(seed="lucky"), "seed='lucky': give a whole number, not str"),
        (lambda: DigitsDataModule(seed=None), "seed=None: give a whole number"),
        (lambda: IrisDataModule(data_dir=3), "data_dir=3: give the path of a folder, or None, not int"),
        (lambda: TabularDataModule(3, "y"), "path=3: give the path of a file, not int"),
        (lambda: TabularDataModule("a.csv", 3), "target=3: give the name of a column, not int"),
        (lambda: TabularDataModule("a.csv", "y", exclude="x"), "exclude='x': give a list of names of columns, not str"),
        (lambda: TabularDataModule("a.csv", "y", categorical=[1]), r"categorical=\[1\]: give a list of names of columns"),
        (lambda: LastCheckpoint("often"), r"LastCheckpoint\(every_n_steps='often'\): give a number"),
        (lambda: ReplicaCheck(1.5), r"ReplicaCheck\(every_n_epochs=1\.5\): give a number"),
        (lambda: CurvatureDiagnostics("many"), r"CurvatureDiagnostics\(max_parameters='many'\): give a number"),
    ],
)
def test_wrong_types_from_python(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
