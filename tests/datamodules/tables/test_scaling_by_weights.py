"""Means and deviations by weights do not depend on the unit of the weights."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from datamodules import ArrayDataModule, TabularDataModule


@pytest.mark.parametrize("factor", [2.0**-900, 1e-12, 1.0, 1e12, 1e160, 2.0**990])
@pytest.mark.parametrize("place", ["array", "table", "mapped"])
def test_they_are_those_of_weights_of_one(factor: float, place: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(2000, 1, size=(60, 2)), rng.normal(size=60), factor * (1 + np.arange(60) % 3)
    no_split = {"val_fraction": 0, "test_fraction": 0}
    if place == "array":
        data = ArrayDataModule(x, y, weights=weights, task="regression", **no_split)
    else:
        path = tmp_path / "t.csv"
        pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y, "w": weights}).to_csv(path, index=False)
        mapped = {"memory_map": str(tmp_path / "map")} if place == "mapped" else {}
        data = TabularDataModule(str(path), "y", weights="w", task="regression", **no_split, **mapped)
    data.prepare_data()
    data.setup("fit")
    rows = np.repeat(np.arange(60), 1 + np.arange(60) % 3)
    np.testing.assert_allclose(data.preprocessing.mean, x[rows].mean(0), rtol=1e-12)
    np.testing.assert_allclose(data.preprocessing.deviation, x[rows].std(0), rtol=1e-9)
