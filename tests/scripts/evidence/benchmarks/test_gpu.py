"""What is measured on a GPU, run here with the CPU in its place; and that nothing is measured without one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from evidence.benchmarks import gpu, host_memory, host_waits, two_view
from evidence.benchmarks.agreement import difference
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.place import CPU, GPU, Count, Place
from evidence.benchmarks.problems import drawn
from evidence.benchmarks.row import BenchmarkRow

from datamodules.images.view_parameters import ViewDistribution
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from lightning_modules import LogisticRegression
from lightning_modules.networks import DenseNetwork
from lightning_modules.optimizers import Newton
from tests.idx_files import write_mnist
from tests.simulated_device import DEVICE, counting, on_the_device
from tests.training import make_trainer


@contextmanager
def simulated_waits() -> Iterator[Count]:
    with counting() as counts:
        yield lambda: len(counts.waits) + len(counts.copies)


SIMULATED = Place(DEVICE, simulated_waits, on_the_device)
PLACES = [CPU, SIMULATED, *([GPU] if torch.cuda.is_available() else [])]
SMALL = {"ROWS": 600, "FEATURES": 3, "WIDTHS": (784, 4, 10), "BATCH": 20, "STEPS": 6, "EPOCHS": 4}


def name_of(place: Place) -> str:
    return place.device.type


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sizes that take seconds; the folder of MNIST in small."""
    write_mnist(tmp_path)
    monkeypatch.setattr(gpu, "SHAPES", ((6000, 3),))
    monkeypatch.setattr(gpu, "IMAGES", 256)
    monkeypatch.setattr(gpu, "DIAGONAL_ROWS", 20)
    monkeypatch.setattr(gpu, "BUDGET", Budget(1, 1))
    monkeypatch.setattr(two_view, "BATCH_SIZES", (64, 128, 300))
    monkeypatch.setattr(gpu, "DENSE", {"small": (DenseNetwork, (784, 3, 10)), "deep": (DenseNetwork, (784, 3, 3, 10))})
    for name, value in SMALL.items():
        monkeypatch.setattr(host_waits, name, value)
    return str(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_one_line_says_so() -> None:
    assert list(gpu.compare_gpu_with_cpu("nowhere")) == ["skipped: torch finds no CUDA device here"]


@pytest.mark.parametrize("place", PLACES, ids=name_of)
def test_all_of_it_runs(place: Place, small: str) -> None:
    """With the simulated device in a GPU's place; the bar counts as many as there are."""
    found = list(gpu.compare_with_cpu(place, small))
    rows = [row.case for row in found if isinstance(row, BenchmarkRow)]
    sentences = [given for given in found if isinstance(given, str)]
    methods = ("Newton", "Newton, every row at every step")
    assert rows == [
        *(f"6 000 × 3, {precision}: {method}" for precision in ("float64", "float32") for method in methods),
        *(f"{batches} batches of {size} images with two views" for batches, size in ((4, 64), (2, 128), (1, 300))),
        *(f"{kind} diagonal, relu {name}, 20 rows" for name in ("small", "deep") for kind in ("Gauss–Newton", "Hessian")),
    ]
    assert len(sentences) == host_waits.NUM_ROWS
    # On a real run there are two shapes, and a sentence on the device.
    assert len(found) + 4 + 1 == gpu.NUM_ROWS


def test_the_precision_is_that_of_the_fit() -> None:
    single = gpu.moved(drawn(300, 3), CPU.device, torch.float32)
    assert gpu.glm.bare(Newton, single, gpu.TOLERANCES[torch.float32]).dtype == torch.float32
    most = gpu.ROUNDING * gpu.TOLERANCES[torch.float32]
    assert gpu.gradient_of_both(single, gpu.glm.bare(Newton, single, gpu.TOLERANCES[torch.float32])).value <= most
    assert gpu.gradient_of_both(single, torch.zeros(4)).value > most


def test_views_are_those_of_training_and_are_compared(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = host_waits.two_view_data(small, 40)
    there, here = (gpu.first_and_last(data, 3, device) for device in (DEVICE, CPU.device))
    assert len(there) == 8 and all(part.device == DEVICE for part in there)
    assert float(here[0].min()) == pytest.approx(-0.1307 / 0.3081), "normalised"
    assert gpu.difference_of_views(there, here).value <= gpu.VIEWS_TOLERANCE
    assert gpu.difference_of_views(there, [*here[:-2], here[-2] + 0.01, here[-1]]).value > gpu.VIEWS_TOLERANCE
    assert gpu.difference_of_views(there, [*here[:-1], here[-1] + 1]).value > gpu.VIEWS_TOLERANCE
    convert = type(data).convert

    def others_on_the_device(self: Any, batch: Any, dtype: torch.dtype | None) -> Any:
        self.views = ViewDistribution(degrees=15.0 if batch[0].device == CPU.device else 20.0)
        return convert(self, batch, dtype)

    monkeypatch.setattr(type(data), "convert", others_on_the_device)
    monkeypatch.setattr(two_view, "BATCH_SIZES", (300,))
    with pytest.raises(ArithmeticError, match="1 batches of 300 images with two views: simulated and CPU do not give the same"):
        list(gpu.views(DEVICE, small))


def test_what_memory_does_not_hold_is_not_drawn(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHAPES", ((20_000_000, 100),))
    monkeypatch.setattr(host_memory, "available_bytes", lambda: 30_000_000_000)
    expected = "20 000 000 × 100: skipped, it takes 40 GB of memory and 30 GB are free"
    assert list(gpu.fits(CPU.device)) == [expected]


def test_a_container_may_have_less_memory_than_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, most, taken = (tmp_path / name for name in ("meminfo", "max", "current"))
    monkeypatch.setattr(host_memory, "MEMORY", machine)
    monkeypatch.setattr(host_memory, "CONTAINERS", ((most, taken),))
    assert host_memory.available_bytes() is None and host_memory.lack_of_memory(10**18) is None
    machine.write_text("MemTotal: 9 kB\nMemAvailable:       8 kB\n")
    assert host_memory.available_bytes() == 8 * 1024
    taken.write_text("5000\n")
    for text, free in (("max\n", 8192), ("9000\n", 4000), ("4000\n", 0)):
        most.write_text(text)
        assert host_memory.available_bytes() == free
    assert host_memory.lack_of_memory(1) is not None and host_memory.lack_of_memory(0) is None


def test_different_answers_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "BUDGET", Budget(2, 2))
    ones = torch.ones(2)
    with pytest.raises(ArithmeticError, match=r"a case: cpu and CPU do not give the same .*, so no time means anything"):
        gpu.on_both("a case", "s", lambda: ones, lambda: ones * 1.001, CPU.device, difference, 1e-4)
    row = gpu.on_both("a case", "ms", lambda: ones, lambda: ones * 1.000001, CPU.device, difference, 1e-4)
    assert len(row.ours) == len(row.theirs) == 2 and row.role == "ourselves" and row.agreement is not None


def test_nobody_waits_for_a_cpu(small: str) -> None:
    sentences = list(host_waits.waits_per_step(CPU, small))
    assert sentences[0] == "Newton on 600 × 3: the host waits for the device 0 times in a step that does not log"
    assert all("the host waits for the device 0 times" in sentence for sentence in sentences)


def test_waits_for_a_device_are_counted(small: str) -> None:
    """Limits are tests of the optimizers; here that the numbers arrive, and belong to what they stand beside."""
    found = dict(sentence.split(": ", 1) for sentence in host_waits.waits_per_step(SIMULATED, small))
    assert len(found) == host_waits.NUM_ROWS
    counts = {name: text.split(" times")[0].rsplit(" ", 1)[1] for name, text in found.items()}
    for name in ("GradientDescent", "Adam", "SGD", "DiagonalNewton"):
        assert counts[f"{name} on a network, mini-batches"] == "0"
    assert counts["two views of a mini-batch"] == "0"
    assert int(counts["Newton on 600 × 3"]) > 0
    assert counts["SimCLR by Adam on two views, lightly's loss included"] == "4"


def test_torchs_warnings_are_counted_step_by_step() -> None:
    """As torch words them; the loops of a step are counted, what is between the steps is not."""

    class Waiting(LogisticRegression):
        def training_step(self, batch: tuple[torch.Tensor, ...], batch_idx: int) -> torch.Tensor:
            for _ in range(2 + self.global_step):
                warnings.warn("called a synchronizing CUDA operation (Triggered internally)", stacklevel=1)
            return super().training_step(batch, batch_idx)

    problem, counter = drawn(60, 3), host_waits.HostWaits(CPU.counting)
    batches = TensorBatches((problem.features, problem.targets), ShardedBatchSampler(60, 20))
    make_trainer(1, counter).fit(Waiting(3, optimizer=torch.optim.SGD), batches)
    assert counter.counts == [2, 3, 4]
    assert "3 … 4 times" in host_waits.sentence("a", counter.counts)
