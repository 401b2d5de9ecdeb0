"""Standard errors by the clusters that a column of the table names, from the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from command_line.one_line_errors import run
from fit import main as fit

from datamodules import TabularDataModule
from lightning_modules import PoissonRegression
from lightning_modules.optimizers import Newton
from tests.conftest import ROOT
from tests.training import make_trainer

api = pytest.importorskip("statsmodels.api", reason="statsmodels, the peer, comes with the dev extra")
COMMON = ["--data=TabularDataModule", "--data.val_fraction=0", "--data.test_fraction=0", "--model=PoissonRegression"]
COMMON += ["--trainer.accelerator=cpu"]


def table() -> pandas.DataFrame:
    rng = np.random.default_rng(1)
    town = rng.integers(0, 25, 300)
    frame = pandas.DataFrame({"a": rng.normal(2, 3, 300), "b": rng.normal(size=300), "town": [f"t{t}" for t in town]})
    frame["count"] = rng.poisson(np.exp(0.1 * frame["a"] + 0.5 * rng.normal(size=25)[town]))
    frame["w"] = rng.integers(0, 4, 300)
    return frame


def fitted(folder: Path, frame: pandas.DataFrame, *args: str, target: str = "count") -> tuple[int, dict[str, Any]]:
    frame.to_csv(folder / "rows.csv", index=False)
    common = [*COMMON, f"--data.path={folder / 'rows.csv'}", f"--data.target={target}"]
    code = run(fit, [*common, f"--trainer.default_root_dir={folder}", *args])
    found = sorted(folder.rglob("summary.json"))
    return code, json.loads(found[-1].read_text()) if found else {}


BY_TOWN = ["--data.clusters=town", "--coefficients.covariance=cluster"]


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("place", ["in memory", "mapped"])
def test_errors_are_those_of_statsmodels(
    place: str, weighted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    options = [f"--data.memory_map={tmp_path / 'maps'}"] if place == "mapped" else []
    options += ["--data.weights=w"] if weighted else ["--data.exclude=[w]"]
    code, summary = fitted(tmp_path, frame, *BY_TOWN, *options)
    assert code == 0 and summary["table"]["columns"]["town"] == "the clusters of the rows"
    assert "standard errors of clusters of rows" in capsys.readouterr().out
    rows = frame.loc[frame.index.repeat(frame["w"])] if weighted else frame
    x = np.column_stack([rows[["a", "b"]], np.ones(len(rows))])
    groups = rows["town"].astype("category").cat.codes
    peer = api.Poisson(rows["count"], x).fit(disp=0, tol=1e-14, cov_type="cluster", cov_kwds={"groups": groups})
    errors = [row["own_units"]["standard_error"] for row in summary["coefficients"].values()]
    np.testing.assert_allclose(errors, peer.bse, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["clusters", "profiles"])
def test_two_processes_see_one_table(asked: str, tmp_path: Path) -> None:
    """Of profiles α is estimated at every value."""
    profiles = ["--coefficients.intervals=profile", "--coefficients.marginal_effects=true", "--data.exclude=[town]"]
    options = BY_TOWN if asked == "clusters" else [*profiles, "--model=NegativeBinomialRegression"]
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, processes in ((one, []), (two, ["--trainer.devices=2", "--trainer.strategy=ddp"])):
        folder.mkdir()
        table().to_csv(folder / "rows.csv", index=False)
        args = [*COMMON, f"--data.path={folder / 'rows.csv'}", "--data.target=count", *options, "--data.weights=w", *processes]
        subprocess.run([sys.executable, str(ROOT / "scripts/fit.py"), *args], cwd=folder, check=True, capture_output=True)
    found = [json.loads(next(folder.rglob("summary.json")).read_text()) for folder in (one, two)]
    for kind in ("coefficients", "marginal_effects"):
        assert found[0][kind].keys() == found[1][kind].keys()
        for name, row in found[0][kind].items():
            # Where an α stays is known to 1e-9 only.
            rel = 1e-12 if asked == "clusters" else 1e-8
            assert row["own_units"] == pytest.approx(found[1][kind][name]["own_units"], rel=rel)


def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(frame: pandas.DataFrame, *args: str, **options: Any) -> str:
        code, _ = fitted(tmp_path, frame, *args, **options)
        error = capsys.readouterr().err
        assert code != 0 and error.count("error: ") == 1 and error.strip().count("\n") == 0
        return error

    assert "name their column (--data.clusters)" in said(table(), "--coefficients.covariance=cluster")
    assert "are for covariance='cluster'" in said(table(), "--data.clusters=town")
    assert "has no column 'twon' (clusters)" in said(table(), "--data.clusters=twon", BY_TOWN[1])
    assert "the clusters cannot be the target or an excluded column" in said(table(), "--data.clusters=count", BY_TOWN[1])
    assert "clusters names this column too" in said(table(), *BY_TOWN, "--data.weights=town")
    empty = table()
    empty.loc[6, "town"] = ""
    assert "column 'town' (clusters) is empty in row 7, and every row needs one" in said(empty, *BY_TOWN)
    empty.loc[6, "town"] = "NA"
    empty.to_parquet(tmp_path / "rows.parquet")
    file = f"--data.path={tmp_path / 'rows.parquet'}"
    assert "column 'town' (clusters) is missing ('NA') in row 7, and every row needs one" in said(empty, file, *BY_TOWN)
    profile = said(table(), *BY_TOWN, "--coefficients.intervals=profile")
    assert "a profile is of the likelihood; leave one of them out" in profile
    overfitted = said(table(), *BY_TOWN, "--data.batch_size=50", "--trainer.overfit_batches=1", "--model.optimizer=Adam")
    assert "clusters are of all training rows, and overfit_batches" in overfitted


def test_one_cluster_leaves_no_errors_and_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code, summary = fitted(tmp_path, table().assign(town="here"), *BY_TOWN)
    assert code == 0 and summary["coefficients"] == {}
    assert "takes at least two clusters, and all rows are of one" in caplog.text


def test_clusters_are_in_the_order_of_the_training_rows(tmp_path: Path) -> None:
    """Also where rows are split, without a target, or of weight 0; a row of the test is in no cluster."""
    frame = table().astype({"count": object})
    frame.loc[[5, 80], "count"] = ""
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for options in ({}, {"memory_map": str(tmp_path / "maps")}):
        data = TabularDataModule(
            str(tmp_path / "rows.csv"), "count", task="regression", clusters="town", weights="w", standardize=False, **options
        )
        codes = data.training_clusters()
        first = data.splits["train"][0][:, 0].numpy()
        towns = frame.assign(a=frame["a"].round(9)).set_index("a")["town"]
        names = [towns[round(value, 9)] for value in first.tolist()]
        assert codes is not None and len(set(zip(codes.tolist(), names, strict=True))) == len(set(names)) == len(
            set(codes.tolist())
        )
        halves = [data.training_clusters(rank, 2) for rank in (0, 1)]
        assert torch.equal(torch.cat([half for half in halves if half is not None]), codes)


def test_errors_of_a_model_in_python(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "rows.csv", index=False)
    options = {"val_fraction": 0.0, "test_fraction": 0.0, "clusters": "town"}
    data = TabularDataModule(str(tmp_path / "rows.csv"), "count", task="regression", **options)
    model = PoissonRegression(data.num_features, optimizer=Newton).double()
    make_trainer(30).fit(model, data)
    clusters = data.training_clusters()
    plain, ours = (
        model.coefficients(data.feature_names, covariance="HC1"),
        model.coefficients(data.feature_names, covariance="cluster", clusters=clusters),
    )
    effects = model.marginal_effects(data.feature_names, covariance="cluster", clusters=clusters)
    assert (ours[-1].standard_error or 0) > 1.5 * (plain[-1].standard_error or 0) and effects[0].standard_error > 0


def test_few_clusters_are_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    lines = [
        f"{x},{y},{half}" for x, y, half in zip(random.normal(size=90), random.poisson(2, 90), ["a", "b"] * 45, strict=True)
    ]
    (tmp_path / "few.csv").write_text("\n".join(["x,y,half", *lines]))
    line = f"--data=TabularDataModule --data.path={tmp_path / 'few.csv'} --data.target=y --data.clusters=half"
    line += f" --coefficients.covariance=cluster --model=PoissonRegression --trainer.default_root_dir={tmp_path}"
    assert run(fit, [*line.split(), "--model.optimizer=Newton", "--trainer.max_epochs=20"]) == 0
    said = capfd.readouterr()
    assert "2 clusters for 2 coefficients: the covariance of so few has rank 1 at most" in said.out + said.err
