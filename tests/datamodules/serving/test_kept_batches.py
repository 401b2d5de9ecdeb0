"""All rows of a part are moved and converted once in a fit, whatever else is looked at meanwhile; what is kept is bounded."""

from functools import partial
from typing import Any
from weakref import ref

import pytest
import torch
from pytorch_lightning import Callback

from callbacks import ConvergenceStatus, ReplicaCheck, TestMetrics, TrainMetrics
from datamodules import BreastCancerDataModule, DigitsDataModule
from datamodules.serving import split_data_module
from datamodules.serving.kept_batches import KeptBatches
from datamodules.serving.room import free_bytes
from lightning_modules.objectives.linear.rows import Rows
from lightning_modules.optimizers import GradientDescent, Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.simulated_device import DEVICE, counting, on_the_device
from tests.training import make_model, make_trainer

CPU = torch.device("cpu")


class Calls:
    """How often each was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, data: Any, model: Any) -> None:
        self.conversions = self.objectives = self.grams = 0
        convert, make, gram = data.convert, type(model).objective, vars(Rows)["scaled_gram"].func

        def converted(*args: Any) -> Any:
            self.conversions += 1
            return convert(*args)

        def made(*args: Any) -> Any:
            self.objectives += 1
            return make(*args)

        def summed(rows: Rows) -> Any:
            self.grams += 1
            return gram(rows)

        monkeypatch.setattr(data, "convert", converted)
        monkeypatch.setattr(type(model), "objective", made)
        monkeypatch.setattr(vars(Rows)["scaled_gram"], "func", summed)


def fit(data: Any, model: Any, epochs: int = 5, **options: Any) -> None:
    callbacks: list[Callback] = [ConvergenceStatus(), TestMetrics(), TrainMetrics(), ReplicaCheck()]
    make_trainer(epochs, *callbacks, logger=MemoryLogger(), limit_val_batches=1.0, **options).fit(model, data)


def nbytes(data: Any) -> int:
    return sum(tensor.nbytes for split in data.splits.values() for tensor in split)


@pytest.mark.parametrize("place", [dict, on_the_device], ids=["here", "there"])
@pytest.mark.parametrize("make", [BreastCancerDataModule, DigitsDataModule])
@pytest.mark.parametrize("precision", ["64-true", "32-true"])
@pytest.mark.parametrize("method", [Newton, partial(GradientDescent, lr=0.1)], ids=["newton", "gradient_descent"])
def test_in_a_fit_each_part_is_converted_once(
    place: Any, make: Any, precision: str, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()
    model = make_model(data, method)
    calls = Calls(monkeypatch, data, model)
    fit(data, model, precision=precision, **place())
    assert calls.conversions == 3
    assert calls.objectives == 1
    assert calls.grams <= 1


def test_training_rows_are_kept_with_both_of_their_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the loss, and those of the metrics."""
    data = BreastCancerDataModule(class_weight="balanced")
    model = make_model(data, Newton)
    calls = Calls(monkeypatch, data, model)
    monkeypatch.setattr(type(model), "takes_weights", True)  # its objective is another one now, which says so too
    fit(data, model, precision="32-true")
    assert calls.conversions == 4 and calls.objectives == 1


def test_a_table_is_moved_once() -> None:
    data = BreastCancerDataModule()
    with counting() as counts:
        fit(data, make_model(data, Newton), epochs=8, **on_the_device())
    # Metrics of each epoch, and what is read of every step, are a few bytes beside.
    assert nbytes(data) < counts.moved_bytes <= 1.05 * nbytes(data)


def test_batches_that_are_not_kept_are_moved_in_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(KeptBatches, "get_or_make", lambda self, part, batch, make, *settings, most: make(batch))
    data = BreastCancerDataModule()
    with counting() as counts:
        fit(data, make_model(data, Newton), epochs=8, **on_the_device())
    assert counts.moved_bytes > 4 * nbytes(data)


def test_when_the_trainer_is_done_nothing_of_the_data_is_left_on_a_device() -> None:
    data = BreastCancerDataModule()
    model, seen = make_model(data, partial(torch.optim.Adam, lr=0.1)), []

    class Watching(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            seen.append(ref(batch[0]))

    make_trainer(2, Watching(), ConvergenceStatus(), **on_the_device()).fit(model, data)
    assert seen and all(features() is None for features in seen)
    assert not data._kept._kept


# -- What is kept ---------------------------------------------------------------------------------------------------


def of(kept: KeptBatches, part: str, rows: torch.Tensor, most: int | None = None) -> torch.Tensor:
    return kept.get_or_make(part, (rows,), lambda batch: (batch[0].double(),), most=most)[0]


def test_of_each_part_the_last_is_kept_and_changed_rows_are_seen() -> None:
    kept, train, val = KeptBatches(), torch.ones(4, 3), torch.ones(2, 3)
    first, second = of(kept, "train", train), of(kept, "val", val)
    assert of(kept, "train", train) is first and of(kept, "val", val[:]) is second
    train += 1
    assert torch.equal(of(kept, "train", train), train.double())
    assert of(kept, "val", train) is not second, "other rows"
    assert len(kept._kept) == 2


def test_what_is_kept_is_bounded() -> None:
    """Only what takes memory beside the rows counts: of rows that need no conversion any number is kept."""
    kept, rows = KeptBatches(), torch.ones(4, 2)
    size = rows.numel() * 8
    assert of(kept, "val", rows, most=size - 1) is not of(kept, "val", rows, most=size - 1)
    assert kept.added_bytes == 0
    assert of(kept, "val", rows, most=size) is of(kept, "val", rows, most=size)
    assert of(kept, "test", rows.clone(), most=size) is not of(kept, "test", rows.clone(), most=size)
    assert kept.added_bytes == size
    exact = torch.ones(1000, 2, dtype=torch.float64)
    assert of(kept, "test", exact, most=size) is exact and kept.added_bytes == size
    assert "test" in kept._kept


@pytest.mark.parametrize("batch_size", [None, 400], ids=["full batch", "mini-batches"])
def test_evaluated_rows_beyond_the_bound_are_converted_every_time(
    batch_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mini-batches of training are no reason to keep more of the others: what is one batch of them is kept within the bound."""
    for bound, conversions in ((2**30, 1), (0, 4)):
        monkeypatch.setattr(split_data_module, "KEPT_BYTES", bound)
        data, seen = DigitsDataModule(batch_size=batch_size), 0
        convert, rows = data.convert, len(data.splits["val"][0])

        def counted(batch: Any, dtype: Any, convert: Any = convert, rows: int = rows) -> Any:
            nonlocal seen
            seen += len(batch[0]) == rows
            return convert(batch, dtype)

        monkeypatch.setattr(data, "convert", counted)
        make_trainer(4, limit_val_batches=1.0).fit(make_model(data, partial(GradientDescent, lr=0.1)), data)
        assert seen == conversions


def test_on_a_device_half_of_its_free_memory_is_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DigitsDataModule()
    data.trainer = type("Evaluating", (), {"lightning_module": make_model(data, Newton).double()})()  # type: ignore[assignment]
    size = data.splits["val"][0].numel() * 8 + data.splits["val"][1].nbytes
    module = torch.get_device_module(DEVICE)
    for free, is_kept in ((2 * size, True), (2 * size - 2, False)):
        monkeypatch.setattr(module, "mem_get_info", lambda device, free=free: (free, 2**40), raising=False)
        data._kept = KeptBatches()
        data.transfer_batch_to_device(data.splits["val"], DEVICE, 0)
        assert ("val" in data._kept._kept) is is_kept
        assert free_bytes(DEVICE) == free


def test_a_processor_does_not_say_how_much_is_free() -> None:
    assert free_bytes(CPU) is None


def test_what_is_on_a_device_is_released() -> None:
    kept = KeptBatches()
    for part, device in (("train", CPU), ("val", DEVICE)):
        kept.get_or_make(part, (torch.ones(2),), lambda batch, device=device: (batch[0].to(device),))
    kept.release_devices()
    assert list(kept._kept) == ["train"]
