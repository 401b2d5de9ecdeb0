"""Residuals and leverages beside the predictions of a table are statsmodels'."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from command_line.one_line_errors import run
from predict import main

from datamodules import ArrayDataModule, IrisDataModule, TabularDataModule
from lightning_modules import (
    GammaRegression,
    LinearRegression,
    LogisticRegression,
    NegativeBinomialRegression,
    PoissonRegression,
    TweedieRegression,
)
from lightning_modules.optimizers import Newton
from tests.scripts.trained_models import make_mlp, train
from tests.training import make_model

sm = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
COLUMNS = ["response residual", "Pearson residual", "deviance residual", "leverage"]
ALL = {"val_fraction": 0.0, "test_fraction": 0.0}
families, links = sm.families, sm.families.links


def table() -> pandas.DataFrame:
    rng = np.random.default_rng(4)
    frame = pandas.DataFrame({"a": rng.normal(3, 2, 90), "b": rng.normal(size=90), "town": rng.choice(["x", "y"], 90)})
    mean = np.exp(0.2 * frame["a"] - 0.5 + 0.5 * (frame["town"] == "y"))
    frame["years"], frame["w"] = rng.uniform(0.5, 2, 90), rng.integers(1, 4, 90)
    frame["count"], frame["amount"] = rng.poisson(mean * rng.gamma(2, 0.5, 90)), rng.gamma(2, mean)
    frame["cost"] = frame["amount"] * (rng.uniform(size=90) < 0.7)
    frame["sick"] = np.where(rng.uniform(size=90) < mean / (2 + mean), "yes", "no")
    frame["share"] = rng.binomial(frame["w"], mean / (2 + mean)) / frame["w"]
    return frame


# Model, target, options of the data, family of statsmodels.
CASES: dict[str, tuple[Any, str, dict[str, Any], Any]] = {
    "linear": (LinearRegression, "amount", {}, families.Gaussian()),
    "logit": (LogisticRegression, "sick", {}, families.Binomial()),
    "weighted": (LogisticRegression, "sick", {"weights": "w"}, families.Binomial()),
    "probit": (partial(LogisticRegression, link="probit"), "sick", {}, families.Binomial(links.Probit())),
    "cloglog": (partial(LogisticRegression, link="cloglog"), "sick", {}, families.Binomial(links.CLogLog())),
    "shares": (LogisticRegression, "share", {"weights": "w"}, families.Binomial()),
    "poisson": (PoissonRegression, "count", {"exposure": "years", "weights": "w"}, families.Poisson()),
    "counts": (partial(NegativeBinomialRegression, dispersion=0.7), "count", {}, families.NegativeBinomial(alpha=0.7)),
    "gamma": (GammaRegression, "amount", {}, families.Gamma(links.Log())),
    "tweedie": (partial(TweedieRegression, power=1.6), "cost", {}, families.Tweedie(links.Log(), 1.6)),
}  # fmt: skip


def predicted(ckpt: str, path: Path, *args: str) -> pandas.DataFrame:
    output = path.parent / "out.parquet"
    assert run(main, [f"--data={path}", f"--ckpt={ckpt}", f"--output={output}", "--overwrite", "--residuals", *args]) == 0
    return pandas.read_parquet(output)


def refused(capsys: pytest.CaptureFixture[str], ckpt: str, path: Path, *args: str) -> str:
    assert run(main, [f"--data={path}", f"--ckpt={ckpt}", "--overwrite", "--residuals", *args]) != 0
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def trained(folder: Path, frame: pandas.DataFrame, make: Any, target: str, **options: Any) -> tuple[str, Path]:
    path = folder / "rows.csv"
    frame.to_csv(path, index=False)
    used = {"a", "b", "town", target, *(options.get(name) for name in ("weights", "exposure"))}
    unused, task = [name for name in frame if name not in used], "classification" if target == "sick" else "regression"
    data = TabularDataModule(str(path), target, exclude=unused, task=task, **ALL, **options)
    model = make(num_features=3, **({"offset": True} if "exposure" in options else {}), optimizer=Newton)
    return train(folder, data, model, max_epochs=100)[0], path


@pytest.mark.parametrize("name", CASES)
def test_residuals_are_those_of_statsmodels(name: str, tmp_path: Path) -> None:
    make, target, options, family = CASES[name]
    frame = table()
    ckpt, path = trained(tmp_path, frame, make, target, **options)
    found = predicted(ckpt, path)
    y = (frame[target] == "yes").astype(float) if target == "sick" else frame[target]
    x = np.column_stack([frame[["a", "b"]], frame["town"] == "x", np.ones(len(frame))])
    weights = {}
    if "weights" in options:  # trials of a share are one row of its variance; other weights are that many rows
        weights = {"var_weights" if target == "share" else "freq_weights": frame["w"].to_numpy(float)}
    offset = np.log(frame["years"]) if "exposure" in options else None
    peer = sm.GLM(y, x, family, offset=offset, **weights).fit(
        tol=1e-15, maxiter=3000, method="newton" if name != "linear" else "IRLS"
    )
    times = frame["w"].to_numpy(float) if "freq_weights" in weights else 1.0
    leverage = peer.get_influence(observed=False).hat_matrix_diag / times
    close = partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-10)
    close(found["response residual"], peer.resid_response)
    close(found["Pearson residual"], peer.resid_pearson)
    deviance = peer.resid_deviance if "freq_weights" not in weights else family.resid_dev(y, peer.mu)
    close(found["deviance residual"], deviance)
    close(found["leverage"], leverage)
    assert (found["leverage"] * times).sum() == pytest.approx(4)


def test_a_long_table_is_read_in_pieces_and_rows_without_a_target_have_no_residuals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ckpt, path = trained(tmp_path, table(), PoissonRegression, "count")
    whole = predicted(ckpt, path, "--keep=[town,count]")
    assert list(whole) == ["town", "count", "value", *COLUMNS]
    frame = table().astype({"count": object})
    frame.loc[[3, 50], "count"] = ""
    frame.to_csv(path, index=False)
    capsys.readouterr()
    found = predicted(ckpt, path)
    assert "without a target: 'count' (2, no residuals)" in capsys.readouterr().out
    assert found[COLUMNS].isna().all(axis=1).tolist() == [row in (3, 50) for row in range(90)]
    assert found["leverage"].sum() == pytest.approx(4)
    assert found["value"].tolist() == whole["value"].tolist()


def test_a_penalty_takes_part_in_leverage(tmp_path: Path) -> None:
    ckpt, path = trained(tmp_path, table(), partial(PoissonRegression, l2=0.3), "count")
    assert 1 < predicted(ckpt, path)["leverage"].sum() < 3.9


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("count", -1, "the target 'count' is '-1' in row 8, and PoissonRegression was trained on no such target"),
        ("count", "inf", "'inf' in row 8, which is not finite"),
        ("count", "many", "column 'count' holds 'many' in row 8, where the training rows held numbers"),
        ("w", -2, "column 'w' (weights) is -2 in row 8, and every row needs a finite number ≥ 0"),
        ("w", "", "column 'w' (weights) is empty in row 8"),
    ],
)
def test_bad_cells_are_refused_with_their_row(
    column: str, value: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ckpt, path = trained(tmp_path, table(), PoissonRegression, "count", weights="w")
    frame = table().astype({column: object})
    frame.loc[7, column] = value
    frame.to_csv(path, index=False)
    assert said in refused(capsys, ckpt, path)


def test_what_has_no_residuals_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ckpt, path = trained(tmp_path, table(), LogisticRegression, "sick")
    frame = table()
    frame.drop(columns="sick").to_csv(path, index=False)
    assert "has no column 'sick', the targets, from which residuals are: its columns are 'a', 'b'" in refused(
        capsys, ckpt, path
    )
    frame.assign(sick="maybe").to_csv(path, index=False)
    assert "the target 'sick' is 'maybe' in row 1, which is none of the classes of the training: 'no', 'yes'" in refused(
        capsys, ckpt, path
    )
    assert run(main, [f"--data={path}", f"--ckpt={ckpt}", "--target=sick"]) != 0
    assert "--target=sick is for residuals: give --residuals too" in capsys.readouterr().err
    iris = IrisDataModule()
    of_iris, _ = train(tmp_path, iris)
    assert "predicts probabilities of several classes, each with a residual of its own" in refused(capsys, of_iris, path)
    of_network, _ = train(tmp_path, iris, make_mlp(iris))
    assert "--residuals are of generalised linear models, and MLP is none" in refused(capsys, of_network, path)


def test_truth_is_truth_however_a_file_writes_it(tmp_path: Path) -> None:
    frame = table().assign(sick=lambda of: of["sick"] == "yes")
    ckpt, path = trained(tmp_path, frame, LogisticRegression, "sick")  # True and False
    expected = predicted(ckpt, path)
    frame.to_parquet(tmp_path / "rows.parquet")
    pandas.testing.assert_frame_equal(predicted(ckpt, tmp_path / "rows.parquet"), expected)


def test_a_model_of_arrays_is_told_the_column_of_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = table()
    data = ArrayDataModule(frame[["a", "b"]], frame["sick"], **ALL)
    ckpt, _ = train(tmp_path, data, make_model(data, Newton, l2=0.0), max_epochs=100)
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    assert "name the column of targets by --target" in refused(capsys, ckpt, path)
    found = predicted(ckpt, path, "--target=sick")
    assert found["leverage"].sum() == pytest.approx(3)
    assert (np.sign(found["response residual"]) == np.where(frame["sick"] == "yes", 1, -1)).all()
