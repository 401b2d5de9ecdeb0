"""Which coefficients go to infinity is told of features as they were given, whatever they are centred by."""

from pathlib import Path

import numpy as np
import pytest

from callbacks import ConvergenceStatus
from datamodules import TabularDataModule
from lightning_modules import LogisticRegression, PoissonRegression
from lightning_modules.optimizers import Newton
from tests.training import make_trainer


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("model", [LogisticRegression, PoissonRegression])
def test_the_intercept_stays_where_a_level_is_separated(model: type, standardize: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kinds, x = random.choice(list("aabcd"), 300), random.normal(size=300)
    counts = np.where(kinds == "d", 0, random.poisson(2, 300))
    targets = np.minimum(counts, 1) if model is LogisticRegression else counts
    targets[:20] = np.where(kinds[:20] == "d", 0, np.arange(20) % 2)
    lines = [f"{kind},{number},{target}" for kind, number, target in zip(kinds, x, targets, strict=True)]
    (tmp_path / "table.csv").write_text("\n".join(["kind,x,y", *lines]))
    task = "classification" if model is LogisticRegression else "regression"
    options = {"val_fraction": 0, "test_fraction": 0, "standardize": standardize, "task": task}
    data, status = TabularDataModule(str(tmp_path / "table.csv"), "y", **options), ConvergenceStatus()
    make_trainer(60, status, precision="64-true").fit(model(data.num_features, optimizer=Newton), data)
    assert status.status == "separated"
    assert status.message.endswith("to infinity go 'kind=d' (−)") and "condition number" not in status.message
