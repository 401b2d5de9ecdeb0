"""Standard errors at the end of a fit: in the summary, as a figure, and only where they mean something."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line.one_line_errors import run
from fit import main
from sklearn.datasets import load_diabetes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks.coefficient_intervals import draw_coefficients
from lightning_modules.linear import Coefficient

statsmodels = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


def fitted(folder: Path, options: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Summary, and the tags of figures, of a regression on a table of diabetes patients."""
    x, y = load_diabetes(return_X_y=True)
    names = [f"x{j}" for j in range(10)]
    rows = [",".join([*names, "y"]), *(",".join(map(repr, map(float, row))) for row in np.column_stack([x, y]))]
    (folder / "table.csv").write_text("\n".join(rows))
    args = ["--data=TabularDataModule", f"--data.path={folder / 'table.csv'}", "--data.target=y", "--model=LinearRegression"]
    args += ["--model.optimizer=Newton", f"--trainer.default_root_dir={folder}", "--data.val_fraction=0", *options]
    assert run(main, args) == 0
    (path,) = folder.rglob("summary.json")
    events = EventAccumulator(str(path.parent)).Reload()
    return json.loads(path.read_text()), events.Tags()["images"]


def test_they_are_statsmodels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary, figures = fitted(tmp_path, ["--data.standardize=false", "--data.test_fraction=0.0025"])  # 2 rows
    assert "coefficients" in figures and "intercept" in capsys.readouterr().out
    found = summary["coefficients"]
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 – the split of the data module

    x, y = load_diabetes(return_X_y=True)
    rest, _ = train_test_split(np.arange(len(y)), test_size=2, random_state=0)
    result = statsmodels.OLS(y[rest], np.column_stack([x[rest], np.ones(len(rest))])).fit()
    assert [row["standard_error"] for row in found.values()] == pytest.approx(list(result.bse), rel=1e-6)
    assert [row["p_value"] for row in found.values()] == pytest.approx(list(result.pvalues), rel=1e-5)


SHORT = ["--model.optimizer=GradientDescent", "--model.optimizer.lr=0.1", "--trainer.max_epochs=2"]


@pytest.mark.parametrize("options", [["--model.l2=0.1"], SHORT])
def test_there_are_none_under_a_penalty_or_short_of_the_optimum(options: list[str], tmp_path: Path) -> None:
    summary, figures = fitted(tmp_path, options)
    assert summary["coefficients"] == {} and "coefficients" not in figures


def test_the_figure_shows_the_surest_first() -> None:
    table = [Coefficient(f"x{j}", 1.0, 0.1, 0.8, 1.2, 1 / (j + 1)) for j in range(50)]
    axes = draw_coefficients([*table, Coefficient("intercept", 1.0, 0.1, 0.8, 1.2, 0.0)]).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"x{j}" for j in range(49, 9, -1)] and "40 surest of 50" in axes.get_title()
