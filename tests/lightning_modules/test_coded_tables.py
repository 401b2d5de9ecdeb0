"""Fits of tables whose categories are stored as codes, and of sparse matrices, are those of the same rows written out."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from datamodules import ArrayDataModule, TabularDataModule
from datamodules.columns import encoder
from datamodules.serving.coded_batch import CodedBatch
from lightning_modules import (
    MLP,
    LinearRegression,
    LogisticRegression,
    NegativeBinomialRegression,
    PoissonRegression,
    SoftmaxRegression,
)
from lightning_modules.optimizers import DiagonalNewton, Newton
from lightning_modules.training import as_rows
from tests.training import make_trainer

ADAM = partial(torch.optim.Adam, lr=0.01)
Make = Callable[[Any], LightningModule]
FITS: dict[str, tuple[Make, str, dict[str, Any]]] = {
    "logistic": (lambda data: LogisticRegression(data.num_features, optimizer=Newton), "class", {}),
    "cloglog, cg": (
        lambda data: LogisticRegression(data.num_features, link="cloglog", optimizer=partial(Newton, solver="cg")), "class", {}
    ),
    "firth": (lambda data: LogisticRegression(data.num_features, firth=True, optimizer=Newton), "class", {}),
    "unscaled, no intercept": (
        lambda data: LogisticRegression(data.num_features, l2=0.1, intercept=False, optimizer=Newton),
        "class",
        {"standardize": False},
    ),
    "poisson": (
        lambda data: PoissonRegression(data.num_features, offset=True, optimizer=Newton),
        "count",
        {"exposure": "years", "weights": "weight"},
    ),
    "negative binomial": (lambda data: NegativeBinomialRegression(data.num_features, optimizer=Newton), "count", {}),
    "linear": (lambda data: LinearRegression(data.num_features, optimizer=Newton), "years", {}),
    "l1": (lambda data: LogisticRegression(data.num_features, l1=0.01, optimizer=Newton), "class", {}),
    "l1 by cross-validation": (lambda data: LinearRegression(data.num_features, l1="cv", optimizer=Newton), "years", {}),
    "l1, unscaled": (
        lambda data: PoissonRegression(data.num_features, l1=0.05, l2=0.01, optimizer=Newton), "count", {"standardize": False}
    ),
    "softmax": (lambda data: SoftmaxRegression(data.num_features, 3, optimizer=Newton), "kind", {}),
    "diagonal": (lambda data: LogisticRegression(data.num_features, optimizer=DiagonalNewton), "class", {"batch_size": 64}),
    "adam": (lambda data: LogisticRegression(data.num_features, optimizer=ADAM), "class", {"batch_size": 64}),
    "network": (lambda data: MLP((data.num_features, 3, 2), "tanh", l2=0.1, optimizer=Newton), "class", {}),
    "network, batches": (lambda data: MLP((data.num_features, 3, 2), optimizer=ADAM), "class", {"batch_size": 64}),
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random, rows = np.random.default_rng(0), 400
    town, color = random.integers(0, 9, rows), random.integers(0, 5, rows)
    x = random.normal(size=rows)
    frame = pd.DataFrame(
        {
            "town": [f"t{code}" for code in town],
            "x": x,
            "color": [f"c{code}" for code in color],
            "year": (2000 + 3 * random.normal(size=rows)).round(2),
            "years": random.uniform(0.5, 2, rows),
            "weight": random.integers(0, 4, rows),
            "class": np.where(random.random(rows) < 1 / (1 + np.exp(-x - 0.1 * town)), "yes", "no"),
            "count": random.negative_binomial(2, 1 / (2 + 0.5 * np.exp(0.3 * x + 0.1 * color))),
            "kind": random.choice(["p", "q", "r"], rows),
        }
    )
    frame.loc[random.random(rows) < 0.05, "town"] = None
    path = tmp_path_factory.mktemp("coded") / "table.csv"
    frame.to_csv(path, index=False)
    return path


def fitted(data: Any, make: Make, epochs: int = 30) -> tuple[Tensor, dict[str, float], Tensor, str]:
    """Weights, metrics of the test, predictions, and the verdict."""
    torch.manual_seed(0)
    model: Any = make(data)
    trainer = make_trainer(epochs=epochs, precision="64-true")
    trainer.fit(model, data)
    status = model.convergence().status
    (metrics,) = trainer.test(model, data, verbose=False)
    predictions: Any = trainer.predict(model, data)
    weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    return weights, dict(metrics), torch.cat(predictions), status


def tabular(path: Path, target: str, **options: Any) -> TabularDataModule:
    given = {options.get("exposure"), options.get("weights"), target}
    left_out = [name for name in ("years", "weight", "class", "count", "kind") if name not in given]
    task = "regression" if target in ("count", "years") else "classification"
    return TabularDataModule(str(path), target, exclude=left_out, rare_levels=1, task=task, **options)


def assert_same(ours: Any, expected: Any) -> None:
    torch.testing.assert_close(ours[0], expected[0], rtol=1e-9, atol=1e-9)
    assert ours[1] == pytest.approx(expected[1], rel=1e-10, abs=1e-12)
    torch.testing.assert_close(ours[2], expected[2], rtol=1e-9, atol=1e-10)
    assert ours[3] == expected[3]


@pytest.mark.parametrize("is_mapped", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("fit", FITS)
def test_codes_are_indicators(fit: str, is_mapped: bool, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, target, options = FITS[fit]
    ends = []
    for cells in (0, 2**40):
        monkeypatch.setattr(encoder, "CODED_CELLS", cells)
        memory_map = {"memory_map": str(tmp_path / str(cells))} if is_mapped else {}
        data = tabular(table, target, **options, **memory_map)
        epochs = 3 if "batch_size" in options or fit == "network" else 30
        ends.append(fitted(data, make, epochs))
        stored = data.splits["train"][0].shape[1] - data.has_offset
        assert (stored < data.num_features) == (cells == 0)
    assert_same(*ends)


INFERENCES = {
    "least squares": LinearRegression,
    "poisson": PoissonRegression,
    "negative binomial": NegativeBinomialRegression,
    "logistic": LogisticRegression,
    "firth": partial(LogisticRegression, firth=True),
}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("logistic", {"covariance": "HC3"}),
        ("logistic", {"intervals": "profile"}),
        *(
            pytest.param(name, options, marks=pytest.mark.slow)
            for name in INFERENCES
            for options in ({"covariance": "HC3"}, {"intervals": "profile"})
            if name != "logistic"
        ),
    ],
    ids=str,
)
def test_what_is_told_of_coefficients(name: str, options: dict[str, Any], table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = {"logistic": "class", "firth": "class", "least squares": "years"}.get(name, "count")
    options = {"covariance": "expected"} if name == "firth" and "covariance" in options else options
    told = []
    for cells in (0, 2**40):
        monkeypatch.setattr(encoder, "CODED_CELLS", cells)
        data = tabular(table, target, test_fraction=0, val_fraction=0)
        data.setup("fit")
        model: Any = INFERENCES[name](data.num_features, optimizer=Newton)
        make_trainer(epochs=60, precision="64-true").fit(model, data)
        scaling = data.preprocessing.mean, data.preprocessing.deviation
        found = model.coefficients(data.feature_names, (), scaling, **options)
        effects = model.marginal_effects(data.feature_names, (), scaling) if name != "firth" else []
        statistics = model.fit_statistics()
        told.append(
            [
                [value for each in found for value in vars(each).values() if isinstance(value, float)],
                [value for each in found for value in vars(each.own_units).values() if isinstance(value, float)],
                [effect.standard_error for effect in effects],
                [] if statistics is None else [v for v in vars(statistics).values() if isinstance(v, float)],
            ]
        )
    for ours, expected in zip(*told, strict=True):
        assert len(ours) == len(expected)
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)
    assert told[0][0] and told[0][1]


def test_a_part_of_the_data_says_what_its_codes_are(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "CODED_CELLS", 0)
    data = tabular(table, "class", class_weight="balanced")
    data.setup("fit")
    monkeypatch.setattr(encoder, "CODED_CELLS", 2**40)
    expected = tabular(table, "class", class_weight="balanced")
    for part, rows in data.splits.items():
        assert isinstance(rows, CodedBatch)
        for batch in (rows.written_out, as_rows(rows)):
            torch.testing.assert_close(batch[0], expected.splits[part][0], rtol=1e-12, atol=1e-14)
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(rows[1:], expected.splits[part][1:], strict=True))
    model = LogisticRegression(data.num_features, optimizer=Newton)
    assert torch.equal(model.objective(data.splits["train"]).features, data.splits["train"][0])


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("batch_size", [None, 32])
def test_a_loop_of_ones_own_gets_features(
    batch_size: int | None, is_mapped: bool, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    for cells in (0, 2**40):
        monkeypatch.setattr(encoder, "CODED_CELLS", cells)
        memory_map = {"memory_map": str(tmp_path / str(cells))} if is_mapped else {}
        batches.append(list(tabular(table, "class", batch_size=batch_size, **memory_map).train_dataloader()))
    for ours, expected in zip(*batches, strict=True):
        assert type(ours) is tuple and ours[0].dtype == torch.float64
        torch.testing.assert_close(ours[0], expected[0], rtol=1e-12, atol=1e-14)
        assert torch.equal(ours[1], expected[1])


class ReadsItself(LogisticRegression):
    """A model that says itself what it reads of a batch."""

    def evaluate(self, batch: Any) -> dict[str, Tensor]:
        assert batch[0].shape[1] == self.linear.in_features
        return super().evaluate(batch)


def test_who_does_not_say_that_it_reads_codes_gets_features(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "CODED_CELLS", 0)
    data = tabular(table, "class")
    assert not data.gives_codes(torch.float64)  # there is no model
    ours = fitted(data, lambda data: ReadsItself(data.num_features, optimizer=Newton))
    assert_same(ours, fitted(data, lambda data: LogisticRegression(data.num_features, optimizer=Newton)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_codes_are_given_in_types_that_hold_them(dtype: torch.dtype, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "CODED_CELLS", 0)
    data = tabular(table, "class")
    model = LogisticRegression(data.num_features, optimizer=ADAM)
    trainer = make_trainer(epochs=1)
    trainer.fit(model, data)
    assert data.gives_codes(dtype) == (dtype != torch.bfloat16)


def sparse_matrix(rows: int = 300, width: int = 40) -> sp.csr_matrix:
    """Few numbers, and behind them two columns that are full, one of them far from 0."""
    random = np.random.default_rng(1)
    few = sp.random(rows, width, 0.06, format="csr", random_state=1)
    few.data = random.normal(size=few.nnz)
    few = sp.lil_matrix(few + sp.eye(rows, width))  # each feature is somewhere
    few[7], few[200] = random.normal(size=width), random.normal(size=width)  # and two rows have all of them
    return sp.hstack([few, 2000 + 3 * random.normal(size=(rows, 1)), random.normal(size=(rows, 1))]).tocsr()


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.coo_array, sp.csc_matrix])
@pytest.mark.parametrize("options", [{}, {"standardize": False}, {"is_weighted": True}], ids=str)
def test_sparse_matrices(kind: Any, options: dict[str, Any]) -> None:
    """The intercept is that of features that are not centred; all else is the same."""
    x, random = sparse_matrix(), np.random.default_rng(0)
    y, given = (random.random(x.shape[0]) < 0.5).astype(int), dict(options)
    if given.pop("is_weighted", False):
        given["weights"] = random.integers(0, 3, x.shape[0])
    ours, expected = ArrayDataModule(kind(x), y, **given), ArrayDataModule(x.toarray(), y, **given)
    width = x.shape[1]
    assert ours.splits["train"][0].shape[1] < ours.num_features == expected.num_features == width
    assert ours.coding.long_rows is not None and len(ours.coding.long_rows) < 20
    np.testing.assert_allclose(ours.preprocessing.deviation, expected.preprocessing.deviation, rtol=1e-12)
    ends = [fitted(data, lambda d: LogisticRegression(d.num_features, l2=0.01, optimizer=Newton)) for data in (ours, expected)]
    torch.testing.assert_close(ends[0][0][:width], ends[1][0][:width], rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(ends[0][2], ends[1][2], rtol=1e-9, atol=1e-10)
    assert ends[0][3] == ends[1][3] == "converged"


@pytest.mark.parametrize("make", [DiagonalNewton, ADAM])
def test_sparse_batches(make: Any) -> None:
    x, random = sparse_matrix(), np.random.default_rng(0)
    y = (random.random(x.shape[0]) < 0.5).astype(int)
    ends = [
        fitted(
            ArrayDataModule(each, y, standardize=False, batch_size=32),
            lambda data: LogisticRegression(data.num_features, l2=0.01, optimizer=make),
            2,
        )
        for each in (x, x.toarray())
    ]
    assert_same(*ends)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (sp.csr_matrix([[np.nan, 1.0], [0.0, 1.0]]), "1 value is missing or infinite, in column 'x0' (1)"),
        (sp.csr_matrix([[0.0, np.inf], [0.0, 1.0]]), "in column 'x1' (1)"),
        (sp.csr_matrix([[1j, 1.0], [0.0, 1.0]]), "give a matrix (n, d) of real numbers"),
        (sp.csr_matrix([[0.0, 1.0], [0.0, 2.0]]), "1 column is constant: 'x0'"),
    ],
)
def test_sparse_matrices_that_cannot_be_fitted(x: Any, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        ArrayDataModule(x, [0, 1])


def test_dense_rows_in_a_sparse_matrix_are_written_out() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4))
    data = ArrayDataModule(sp.csr_matrix(x), np.arange(30) % 2)
    assert not data.coding.has_codes
    np.testing.assert_array_equal(data.table.features, x)
    assert torch.equal(data.scaled(sp.csr_matrix(x)), data.scaled(x))
