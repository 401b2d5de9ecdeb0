"""Standard errors at the end of a fit: in the summary, as a figure, and only where they mean something."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line.one_line_errors import run
from fit import main
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks.coefficient_figure import draw_coefficients
from callbacks.coefficient_intervals import scaling_of
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


def training_rows() -> tuple[Any, Any]:
    """All rows but the two of the test, as the data module splits them."""
    x, y = load_diabetes(return_X_y=True)
    rest, _ = train_test_split(np.arange(len(y)), test_size=2, random_state=0)
    return x[rest], y[rest]


TWO_TESTED = "--data.test_fraction=0.0025"
FIELDS = ("estimate", "standard_error", "low", "high", "p_value")


@pytest.mark.parametrize("standardize", ["true", "false"])
def test_they_are_statsmodels(standardize: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary, figures = fitted(tmp_path, [f"--data.standardize={standardize}", TWO_TESTED])
    printed = capsys.readouterr().out
    assert "train/coefficients" in figures and "intercept" in printed and "in the table's own units" in printed
    x, y = training_rows()
    scaled = (x - x.mean(0)) / x.std(0)
    units = {"own_units": x, "per_deviation": scaled} if standardize == "true" else {"own_units": x}
    assert ("per s.d." in printed) == (standardize == "true")
    for row in summary["coefficients"].values():
        assert set(row) == set(units)
    for unit, columns in units.items():
        result = statsmodels.OLS(y, np.column_stack([columns, np.ones(len(y))])).fit()
        expected = [result.params, result.bse, *result.conf_int().T, result.pvalues]
        for field, values in zip(FIELDS, expected, strict=True):
            found = [row[unit][field] for row in summary["coefficients"].values()]
            assert found == pytest.approx(list(values), rel=1e-7)


def test_under_a_penalty_they_are_estimates_in_both_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary, figures = fitted(tmp_path, ["--model.l2=0.1", TWO_TESTED])
    printed = capsys.readouterr().out
    assert "train/coefficients" in figures
    assert "a penalty, l2 = 0.1, leaves no standard errors" in printed and "± s.e." not in printed
    x, y = training_rows()
    peer = Ridge(alpha=0.1 * len(y)).fit((x - x.mean(0)) / x.std(0), y)
    slopes = peer.coef_ / x.std(0)
    expected = {
        "per_deviation": [*peer.coef_, peer.intercept_],
        "own_units": [*slopes, peer.intercept_ - slopes @ x.mean(0)],
    }
    for unit, values in expected.items():
        rows = [row[unit] for row in summary["coefficients"].values()]
        assert [row["estimate"] for row in rows] == pytest.approx(values, rel=1e-8)
        assert {row[field] for row in rows for field in FIELDS[1:]} == {None}


def test_there_are_none_short_of_the_optimum(tmp_path: Path) -> None:
    short = ["--model.optimizer=GradientDescent", "--model.optimizer.lr=0.1", "--trainer.max_epochs=2"]
    for number, options in enumerate((short, [*short, "--model.l2=0.1"])):
        (folder := tmp_path / str(number)).mkdir()
        summary, figures = fitted(folder, options)
        assert summary["coefficients"] == {} and "coefficients" not in figures


def test_the_figure_shows_the_surest_first() -> None:
    table = [Coefficient(f"x{j}", 1.0, 0.1, 0.8, 1.2, 1 / (j + 1)) for j in range(50)]
    axes = draw_coefficients([*table, Coefficient("intercept", 1.0, 0.1, 0.8, 1.2, 0.0)], len(table)).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"x{j}" for j in range(49, 9, -1)] and "40 surest of 50" in axes.get_title()
    (right,) = axes.child_axes
    assert "…" in right.get_yticklabels()[0].get_text()
    assert axes.get_xlabel().startswith("coefficient per unit of the feature, 95 % interval")


def test_the_figure_says_own_units_on_the_right() -> None:
    own = Coefficient("a", 1e-9, 2e-10, 6e-10, 1.4e-9, 0.01), Coefficient("b", 5e6, 1e6, 3e6, 7e6, 0.001)
    table = [Coefficient(row.name, 1.0, 0.2, 0.6, 1.4, row.p_value, row) for row in own]
    axes = draw_coefficients(table, len(table)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    (right,) = axes.child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["5e+06 (3e+06 … 7e+06)", "1e-09 (6e-10 … 1.4e-09)"]
    assert [text.get_text() for text in axes.texts] == ["in own units (95 % interval)"]


def test_the_figure_of_a_penalised_model_shows_the_largest_first() -> None:
    rows = [Coefficient(name, value, None, None, None, None) for name, value in (("a", 0.1), ("b", -3.0), ("c", 2.0))]
    axes = draw_coefficients(rows, len(rows)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a"]
    assert axes.get_xlabel().endswith("a penalty leaves no interval")


class Scaler:
    """What somebody else may call preprocessing."""

    def __init__(self, mean: Any, deviation: Any) -> None:
        self.mean, self.deviation = mean, deviation


@pytest.mark.parametrize("preprocessing", [None, str.lower, Scaler(0.5, 0.2), Scaler(np.zeros(2), np.ones(2))])
def test_a_preprocessing_of_another_kind_is_left_alone(preprocessing: Any) -> None:
    class Data:
        pass

    data = Data()
    assert scaling_of(data, 3) is None
    data.preprocessing = preprocessing
    assert scaling_of(data, 3) is None
    data.preprocessing = Scaler(np.zeros(3), np.ones(3))
    assert scaling_of(data, 3) is not None


def test_profiles_and_marginal_effects_are_in_the_summary_the_terminal_and_the_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--coefficients.intervals=profile", "--coefficients.marginal_effects=true", TWO_TESTED]
    summary, figures = fitted(tmp_path, asked)
    printed = capsys.readouterr().out
    assert {"train/coefficients", "train/marginal_effects"} <= set(figures)
    assert {path.name for path in tmp_path.rglob("version_0/*.png")} == {"coefficients.png", "marginal_effects.png"}
    assert "intervals and p-values by the profile" in printed and "average marginal effects" in printed
    assert max(map(len, printed.split("coefficients in")[1].split("at the optimum")[0].splitlines())) <= 80
    x, y = training_rows()
    result = statsmodels.OLS(y, np.column_stack([x, np.ones(len(y))])).fit()
    # Of least squares the profile is Student's interval, in own units also of the intercept.
    for field, values in (("low", result.conf_int()[:, 0]), ("high", result.conf_int()[:, 1]), ("p_value", result.pvalues)):
        found = [row["own_units"][field] for row in summary["coefficients"].values()]
        assert found == pytest.approx(list(values), rel=1e-6)
    effects = [row["own_units"]["estimate"] for row in summary["marginal_effects"].values()]
    assert effects == pytest.approx(list(result.params[:10]), rel=1e-8)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--coefficients.intervals=profile"], "holds one coefficient at a time, which is of one output"),
        (["--coefficients.intervals=profile", "--coefficients.covariance=HC1"], "a profile is of the likelihood"),
        (["--coefficients.covariance=HC3"], "takes the leverage of a row, which is of one output"),
    ],
)
def test_what_cannot_be_is_refused_before_the_fit(
    asked: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--data=IrisDataModule", "--model=SoftmaxRegression", f"--trainer.default_root_dir={tmp_path}", *asked]
    assert run(main, args) != 0
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("summary.json"))


def test_an_interval_without_an_end_is_an_arrow() -> None:
    table = [Coefficient("a", 1.0, 2.0, -0.5, float("inf"), 0.2), Coefficient("b", 0.5, 0.1, 0.3, 0.7, 0.0)]
    figure = draw_coefficients(table, 2)
    (axes,) = figure.axes
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 1 and arrows[0].xy[0] > 1.0
    assert np.isfinite(axes.get_xlim()).all()
