"""Shares of a table as targets of the command line: fitted where they are read as numbers, and else one line says how to."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from command_line.one_line_errors import run
from fit import main as fit

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")


def table(trials: int | None) -> pandas.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    m = rng.integers(1, 40, 200) if trials is None else np.full(200, trials)
    k = rng.binomial(m, 1 / (1 + np.exp(-0.5 * x)))
    return pandas.DataFrame({"x": x, "share": k / m, "m": m})


def args(folder: Path, frame: pandas.DataFrame) -> list[str]:
    frame.to_csv(folder / "rows.csv", index=False)
    named = [f"--data.path={folder / 'rows.csv'}", "--data.target=share", "--data.weights=m"]
    rest = ["--data.val_fraction=0", "--data.test_fraction=0", f"--trainer.default_root_dir={folder}"]
    return ["--data=TabularDataModule", "--model=LogisticRegression", *named, *rest]


def test_shares_read_as_numbers_are_grouped_trials(tmp_path: Path) -> None:
    frame = table(None)
    assert run(fit, [*args(tmp_path, frame), "--data.task=regression"]) == 0
    (path,) = tmp_path.rglob("summary.json")
    found = json.loads(path.read_text())["coefficients"]
    successes = (frame["share"] * frame["m"]).round()
    counts, columns = np.column_stack([successes, frame["m"] - successes]), np.column_stack([frame["x"], np.ones(200)])
    peer = api.GLM(counts, columns, api.families.Binomial()).fit(tol=1e-14)
    ours = [[row["own_units"][name] for name in ("estimate", "standard_error")] for row in found.values()]
    np.testing.assert_allclose(ours, np.column_stack([peer.params, peer.bse]), rtol=1e-8)


@pytest.mark.parametrize("trials", [None, 5])
def test_shares_read_as_classes_are_refused_with_what_to_do(
    trials: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fit, args(tmp_path, table(trials))) != 0
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert "task=regression" in said and "shares between 0 and 1" in said
