"""Tables as their packages ship them fit in one line, and the coefficients are statsmodels' on the same prepared rows."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from command_line.one_line_errors import run
from fit import main

import lightning_modules
from datamodules import TabularDataModule

LEAST = 70
TASKS = {
    "LinearRegression": "regression",
    "LogisticRegression": "classification",
    "SoftmaxRegression": "classification",
    "PoissonRegression": "regression",
}


def reference(data: TabularDataModule, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and standard errors in the table's own units, output by output, the intercept last."""
    rows = data.rows["train"]
    x, y = np.column_stack([data.table.features[rows], np.ones(len(rows))]), data.table.targets[rows]
    if model == "LinearRegression":
        found = sm.OLS(y[:, 0], x).fit()
    elif model == "PoissonRegression":
        found = sm.GLM(y.ravel(), x, sm.families.Poisson()).fit(maxiter=200, tol=1e-14)
    else:
        kind = sm.Logit if model == "LogisticRegression" else sm.MNLogit
        # Scaled for its own Newton steps, and back again.
        scale = np.abs(x).max(0)
        found = kind(y, x / scale).fit(disp=0, maxiter=200, tol=1e-14)
        return (found.params.T / scale).ravel(), (found.bse.T / scale).ravel()
    return found.params, found.bse


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_real_tables_fit_in_one_line(tables_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open(tables_dir / "tables.csv") as file:
        tables = list(csv.DictReader(file))
    refused, compared = [], 0
    for table in tables:
        model = table["model"] if hasattr(lightning_modules, table["model"]) else "LinearRegression"
        path, root = str(tables_dir / "csv" / table["file"]), tmp_path / table["file"]
        line = ["--data=TabularDataModule", f"--data.path={path}", f"--data.target={table['target']}", f"--model={model}"]
        if run(main, [*line, f"--trainer.default_root_dir={root}"]):
            refused.append(table["file"])
            continue
        summary: dict[str, Any] = json.loads(next(root.rglob("summary.json")).read_text())
        data = TabularDataModule(path, table["target"], task=TASKS[model])  # type: ignore[arg-type]
        rows = summary["table"]["rows"]
        assert rows["read"] == sum(count for name, count in rows.items() if name != "read")
        # Rare classes are in training whole, so that their coefficients run away; others are the minimiser's.
        if summary["status"] == "converged" and summary["coefficients"]:
            estimates, errors = reference(data, model)
            own = [row["own_units"] for row in summary["coefficients"].values()]
            ours = np.array([row["estimate"] for row in own])
            sure = np.array([row["standard_error"] for row in own])
            if sure.max() < 1e-12 * np.abs(ours).max():
                continue  # the target is a sum of features, and what is left of it is rounding
            tolerance = 1e-6 * sure  # in standard errors: what no user can tell
            assert (np.abs(ours - estimates) <= tolerance).all(), table["file"]
            np.testing.assert_allclose(sure, errors, rtol=1e-5, err_msg=table["file"])
            compared += 1
    assert len(tables) - len(refused) >= LEAST, refused
    assert compared >= len(tables) // 2
