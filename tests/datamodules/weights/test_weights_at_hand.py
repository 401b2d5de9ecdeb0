"""Weights and offsets of arrays, weights by class, and what the batches of both hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_sample_weight

from datamodules import ArrayDataModule, IrisDataModule, TabularDataModule
from datamodules.tables import Table, TableDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.datamodules.weights.weighted_tables import columns, written
from tests.training import make_trainer

GENERATOR = np.random.default_rng(0)
X, LABELS = GENERATOR.normal(size=(90, 3)), GENERATOR.choice(["a", "b", "c"], 90, p=[0.6, 0.3, 0.1])
WEIGHTS = GENERATOR.integers(0, 4, 90)
NONE: dict[str, Any] = {"val_fraction": 0.0, "test_fraction": 0.0}


def test_arrays_with_weights_are_arrays_with_repeated_rows() -> None:
    data = ArrayDataModule(X, LABELS, weights=WEIGHTS, offset=X[:, 0], **NONE)
    rows = np.repeat(np.arange(90), WEIGHTS)
    twin = ArrayDataModule(X[rows], LABELS[rows], offset=X[rows, 0], **NONE)
    x, y, weights = data.splits["train"]
    assert data.num_rows == (WEIGHTS > 0).sum() and data.num_features == 3 and data.has_offset
    torch.testing.assert_close(x.repeat_interleave(weights.long(), 0), twin.splits["train"][0], rtol=1e-12, atol=1e-12)
    assert torch.equal(y.repeat_interleave(weights.long()), twin.splits["train"][1])
    assert torch.equal(x[:, 3], torch.from_numpy(X[WEIGHTS > 0, 0])), "the offset is not scaled"
    assert not {"x", "y", "weights", "offset"} & {*data.hparams}


def test_a_class_without_weight_is_no_class() -> None:
    assert ArrayDataModule(X, LABELS, weights=(LABELS != "b").astype(int)).class_names == ("a", "c")
    assert ArrayDataModule(X, LABELS, weights=WEIGHTS * 0 + 1).splits["train"][0].shape[1] == 3
    assert len(ArrayDataModule(X, LABELS, weights=WEIGHTS * 0 + 1).splits["train"]) == 2, "weights of 1 are none"


def test_an_offset_has_a_name_that_no_feature_has() -> None:
    data = ArrayDataModule(X, LABELS, ["offset", "(offset)", "z"], offset=X[:, 0])
    assert [column.name for column in data.preprocessing.given.columns] == ["((offset))"]


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 0.5, "c": 7}], ids=str)
def test_weights_by_class_are_those_of_scikit_learn(class_weight: Any) -> None:
    data = ArrayDataModule(X, LABELS, class_weight=class_weight)
    _, y, weights = data.splits["train"]
    names = np.array(data.class_names)[y.numpy()]
    full = {"a": 1.0, "b": 1.0, "c": 1.0} | class_weight if isinstance(class_weight, dict) else class_weight
    np.testing.assert_allclose(weights.numpy(), compute_sample_weight(full, names), rtol=1e-14)
    assert len(data.splits["val"]) == len(data.splits["test"]) == 2


@pytest.mark.parametrize(
    ("labels", "class_weight"),
    [
        (["no", "yes"], {False: 2, True: 3}),
        (["off", "on"], {False: 2, True: 3}),
        ([False, True], {False: 2, True: 3}),
        ([0, 1], {0: 2, 1: 3}),
        ([0, 1], {"0": 2, "1": 3}),
        (["1.5", "2"], {1.5: 2, 2.0: 3}),
    ],
)
def test_classes_are_named_as_they_are_read(labels: list[Any], class_weight: dict[Any, float]) -> None:
    """YAML reads a class called no as a truth value, and one called 1 as a number."""
    data = ArrayDataModule(X[:40], labels * 20, class_weight=class_weight)
    _, y, weights = data.splits["train"]
    assert torch.equal(weights, (2 + y).double())
    with pytest.raises(ValueError, match="names no class by True"):
        ArrayDataModule(X[:40], ["yes", "true"] * 20, class_weight={True: 2}).splits  # noqa: B018  # type: ignore[dict-item]


def test_weights_by_class_multiply_those_of_the_rows() -> None:
    data = ArrayDataModule(X, LABELS, weights=WEIGHTS, class_weight="balanced", **NONE)
    rows = np.repeat(np.arange(90), WEIGHTS)
    twin = ArrayDataModule(X[rows], LABELS[rows], class_weight="balanced", **NONE)
    by_row = data.splits["train"][2] / torch.from_numpy(WEIGHTS[WEIGHTS > 0])
    torch.testing.assert_close(by_row.repeat_interleave(torch.from_numpy(WEIGHTS[WEIGHTS > 0])), twin.splits["train"][2])
    sums = torch.zeros(3, dtype=torch.float64).index_add(0, data.splits["train"][1], data.splits["train"][2])
    torch.testing.assert_close(sums, torch.full_like(sums, WEIGHTS.sum() / 3))


def test_metrics_do_not_count_by_class() -> None:
    data = IrisDataModule(class_weight={"setosa": 5.0})
    (trained,), (measured,) = list(data.train_dataloader()), list(data.measured_dataloader("train"))
    assert len(trained) == 3 and len(measured) == 2 and trained[0].data_ptr() == measured[0].data_ptr()
    weighted = ArrayDataModule(X, LABELS, weights=WEIGHTS, class_weight="balanced", **NONE)
    (measured,) = list(weighted.measured_dataloader("train"))
    assert measured[2].tolist() == WEIGHTS[WEIGHTS > 0].tolist()


@pytest.mark.parametrize("is_mapped", [False, True], ids=["in memory", "mapped"])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_batches_hold_the_weights_of_their_rows_in_the_type_of_the_model(
    batch_size: int | None, is_mapped: bool, tmp_path: Path
) -> None:
    path = written(tmp_path / "t.csv", columns())
    place = str(tmp_path / "maps") if is_mapped else None
    data = TabularDataModule(path, "y", weights="w", offset="z", batch_size=batch_size, memory_map=place)
    x, _, weights = data.splits["train"]
    weight_of = {float(row[-1]): float(weight) for row, weight in zip(x, weights, strict=True)}
    for epoch in range(2):
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        seen = [(float(row[-1]), float(weight)) for b in batches for row, weight in zip(b[0], b[2], strict=True)]
        assert sorted(seen) == sorted(weight_of.items())
    trainer = make_trainer(1, precision="32-true")
    trainer.strategy._lightning_module = LinearRegression(3, optimizer=Newton)
    data.trainer = trainer
    moved = data.transfer_batch_to_device(batches[0], torch.device("cpu"), 0) if not is_mapped or batch_size else None
    assert moved is None or [part.dtype for part in moved] == [torch.float32, torch.int64, torch.float32]


def test_the_rows_of_a_run_are_told_from_those_with_other_weights() -> None:
    some = ArrayDataModule(X, LABELS, weights=WEIGHTS + 1).rows_checksum()
    assert some == ArrayDataModule(X, LABELS, weights=WEIGHTS + 1).rows_checksum()
    assert some != ArrayDataModule(X, LABELS, weights=WEIGHTS + 2).rows_checksum()
    assert some != ArrayDataModule(X, LABELS).rows_checksum()


class Weighted(TableDataModule):
    """A data set of one's own."""

    weights: np.ndarray[Any, Any] = WEIGHTS.astype(float)
    offset: np.ndarray[Any, Any] = X[:, 0]

    def load(self) -> Table:
        return Table(X, LABELS == "a", ("x", "y", "offset"), ("no", "yes"), weights=self.weights, offset=self.offset)


def test_a_data_set_of_ones_own_may_have_weights_and_an_offset() -> None:
    data = Weighted(**NONE)
    x, _, weights = data.splits["train"]
    assert data.has_offset and data.preprocessing.input_names == ("x", "y", "offset", "offset")
    assert [column.name for column in data.preprocessing.given.columns] == ["(offset)"]
    assert x.shape == ((WEIGHTS > 0).sum(), 4) and torch.equal(x[:, 3], torch.from_numpy(X[WEIGHTS > 0, 0]))
    assert weights.tolist() == WEIGHTS[WEIGHTS > 0].tolist()
    for name, values, words in (
        ("weights", -data.weights - 1, r"weights\[0\] is -\d, and every row needs a finite number ≥ 0"),
        ("weights", 0 * data.weights, "weights are 0 in all 90 rows"),
        ("weights", data.weights[1:], r"weights of shape \(89,\): give one number for each of 90 rows"),
        ("offset", data.offset * np.nan, r"offset\[0\] is nan, and every row needs a finite number"),
    ):
        other = Weighted(**NONE)
        setattr(other, name, values)
        with pytest.raises(ValueError, match=words):
            other.splits  # noqa: B018
