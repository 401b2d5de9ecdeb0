"""Rows that have no room on a device stay on the host and are moved as they are read, from a mapped file or from memory."""

from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from callbacks import ConvergenceStatus, TestMetrics, TrainMetrics
from datamodules.serving import split_data_module
from datamodules.serving.room import Room, bytes_in
from lightning_modules import MLP
from lightning_modules.objectives import rows_at_a_time
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.datamodules.mapped.mapped_tables import columns, in_memory, mapped, written
from tests.simulated_device import DEVICE, on_device, on_the_device
from tests.training import make_model, make_trainer

pytestmark = pytest.mark.slow

EPOCHS = 3


class Memory:
    """A device that says how much is free, and what of the features is held there of what was moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int, width: int) -> None:
        self.largest_move = self.most_held = 0
        moved: list[ref[Tensor]] = []
        run, module = on_device.run, torch.get_device_module(DEVICE)
        monkeypatch.setattr(module, "mem_get_info", lambda device: (free, 2**40), raising=False)

        def watched(func: Any, args: Any, kwargs: Any) -> Any:
            result, packet = run(func, args, kwargs), func.overloadpacket
            source = args[1] if packet is torch.ops.aten.copy_ else args[0] if packet is torch.ops.aten._to_copy else result
            if isinstance(result, on_device.OnDevice) and source.device.type == "cpu" and result.shape[1:] == (width,):
                moved[:] = [each for each in moved if each() is not None] + [ref(result)]
                self.largest_move = max(self.largest_move, result.nbytes)
                self.most_held = max(self.most_held, sum(each.nbytes for one in moved if (each := one()) is not None))
            return result

        monkeypatch.setattr(on_device, "run", watched)


def fitted(data: Any, method: Any, network: bool, **options: Any) -> tuple[Any, Tensor]:
    torch.manual_seed(0)
    model: Any
    if network:
        model = MLP((data.num_features, 3, data.num_classes), "tanh", l2=0.1, optimizer=method)
    else:
        model = make_model(data, method)
    status = ConvergenceStatus()
    watching = [TestMetrics(), TrainMetrics(), status]
    make_trainer(EPOCHS, *watching, logger=MemoryLogger(), limit_val_batches=1.0, **options).fit(model, data)
    return status, parameters_to_vector(model.parameters()).detach()


METHODS: dict[str, Any] = {
    "newton": Newton,
    "diagonal_newton": DiagonalNewton,
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "adam": partial(torch.optim.Adam, lr=0.1),
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_at_a_time, "DEVICE_BYTES", 2**18)
    monkeypatch.setattr("lightning_modules.objectives.passes.KEPT_BYTES", 0)
    monkeypatch.setattr(split_data_module, "EVALUATION_ROWS", 100)
    monkeypatch.setattr("datamodules.mapped.mapped_table.EVALUATION_ROWS", 100)


@pytest.mark.parametrize("make", [mapped, in_memory])
@pytest.mark.parametrize(
    ("network", "method"),
    [*((False, method) for method in METHODS), (True, "diagonal_newton"), (True, "adam")],
)
@pytest.mark.parametrize("batch_size", [None, 500], ids=["full batch", "mini-batches"])
def test_rows_without_room_are_never_there_as_a_whole(
    make: Any, network: bool, method: str, batch_size: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "parquet", columns("level"))
    data = make(path, batch_size=batch_size)
    expected, theta = fitted(make(path, batch_size=batch_size), METHODS[method], network)
    size = data.splits["train"][0].nbytes
    memory = Memory(monkeypatch, free=2 * size, width=data.num_features)  # with the targets they do not fit in half
    status, found = fitted(data, METHODS[method], network, **on_the_device())
    torch.testing.assert_close(found.cpu(), theta, rtol=1e-9, atol=1e-12)
    assert (status.status, status.message[:20]) == (expected.status, expected.message[:20])
    assert 0 < memory.largest_move < size / 2
    kept = 0 if make is mapped else sum(data.splits[part][0].nbytes for part in ("val", "test"))
    assert memory.most_held < kept + 0.8 * size


@pytest.mark.parametrize("batch_size", [None, 500], ids=["full batch", "mini-batches"])
def test_rows_with_room_are_there_as_a_whole(batch_size: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: of the two sizes between which it is decided, the other."""
    data = mapped(written(tmp_path, "parquet", columns("level")), batch_size=batch_size)
    size = bytes_in(data.splits["train"], torch.float64)
    memory = Memory(monkeypatch, free=2 * size, width=data.num_features)
    fitted(data, METHODS["gradient_descent"], False, **on_the_device())
    features = data.splits["train"][0].nbytes
    assert memory.largest_move == features and memory.most_held >= features


def test_rows_in_another_type_of_numbers_are_not_copied_for_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows as float32 would be a copy in memory: mini-batches are converted one by one, and so are chunks at the end."""
    path, verdicts, converted = written(tmp_path, "parquet", columns("level")), [], []
    for is_copied in (False, True):
        data, sizes = mapped(path, batch_size=500), []
        convert = data.convert
        monkeypatch.setattr(data, "convert", lambda rows, dtype, c=convert, s=sizes: s.append(len(rows[0])) or c(rows, dtype))
        if is_copied:  # as a table in memory is
            monkeypatch.setattr(data, "is_larger_than_memory", lambda rows, dtype: False)
        status, _ = fitted(data, METHODS["newton"], False, precision="32-true")
        verdicts.append((status.status, status.message))
        converted.append(max(sizes))
    assert converted == [500, len(data.splits["train"][0])]
    assert verdicts[0] == verdicts[1]


def test_what_was_decided_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    room, rows = Room(), (torch.ones(10, 2), torch.zeros(10, dtype=torch.int64))
    module = torch.get_device_module(DEVICE)
    for free, expected in ((2 * 160, True), (0, True)):
        monkeypatch.setattr(module, "mem_get_info", lambda device, free=free: (free, 2**40), raising=False)
        assert room.has_room("train", rows, DEVICE, torch.float32) is expected
    assert not room.has_room("train", rows, DEVICE, torch.float64)
    room.forget()
    # Several processes decide together: batches of the part depend on it.
    monkeypatch.setattr(module, "mem_get_info", lambda device: (2**30, 2**40), raising=False)
    asked: list[bool] = []
    assert not room.has_room("val", rows, DEVICE, None, lambda own: asked.append(own) or False)  # type: ignore[func-returns-value]
    assert asked == [True] and not room.has_room("val", rows, DEVICE, None)
    monkeypatch.setattr(module, "mem_get_info", lambda device: (0, 2**40), raising=False)
    assert not room.has_room("train", rows, DEVICE, torch.float32)
    assert room.has_room("train", rows, torch.device("cpu"), torch.float64), "the host does not say"
