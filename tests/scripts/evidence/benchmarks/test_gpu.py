"""What is measured on a GPU, run here with the CPU in its place; and that nothing is measured without one."""

import warnings
from pathlib import Path

import pytest
import torch
from evidence.benchmarks import diagonal, gpu, host_waits, two_view
from evidence.benchmarks.problems import drawn
from evidence.benchmarks.row import BenchmarkRow

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from lightning_modules import LogisticRegression
from lightning_modules.networks import DenseNetwork
from lightning_modules.optimizers import Newton
from tests.idx_files import write_mnist
from tests.training import make_trainer

CPU = torch.device("cpu")
PLACES = [CPU, *([torch.device("cuda")] if torch.cuda.is_available() else [])]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_one_line_says_so() -> None:
    assert list(gpu.compare_gpu_with_cpu("nowhere")) == ["skipped: torch finds no CUDA device here"]


@pytest.mark.parametrize("device", PLACES, ids=str)
def test_fits_in_both_precisions(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHAPES", ((6000, 3),))
    rows = list(gpu.fits(device))
    methods = ("Newton", "Newton, every row at every step")
    expected = [f"6 000 × 3, {precision}: {method}" for precision in ("float64", "float32") for method in methods]
    assert [row.case for row in rows if isinstance(row, BenchmarkRow)] == expected


def test_the_precision_is_that_of_the_fit() -> None:
    single = gpu.moved(drawn(300, 3), CPU, torch.float32)
    assert gpu.glm.bare(Newton, single, gpu.TOLERANCES[torch.float32]).dtype == torch.float32
    assert gpu.are_optimal(single, gpu.glm.bare(Newton, single, gpu.TOLERANCES[torch.float32]))
    assert not gpu.are_optimal(single, torch.zeros(4))


@pytest.mark.parametrize("device", PLACES, ids=str)
def test_views_and_diagonals(device: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    monkeypatch.setattr(two_view, "BATCH_SIZES", (128,))
    monkeypatch.setattr(diagonal, "NETWORKS", {"small": (DenseNetwork, (784, 3, 10)), "deep": (DenseNetwork, (784, 3, 3, 10))})
    monkeypatch.setattr(gpu, "DIAGONAL_ROWS", 20)
    assert [row.case for row in gpu.views(device, str(tmp_path))] == ["two views of 300 images, batches of 128"]
    assert [row.case for row in gpu.diagonals(device)] == [
        f"{kind} diagonal, relu {name}, 20 rows" for name in ("small", "deep") for kind in ("Gauss–Newton", "Hessian")
    ]


def test_different_answers_are_not_measured() -> None:
    with pytest.raises(ArithmeticError, match="a case: cpu and CPU do not give the same, so no time means anything"):
        gpu.on_both("a case", "s", lambda: torch.ones(2), lambda: torch.ones(2) * 1.001, CPU, gpu.are_close)
    row = gpu.on_both("a case", "ms", lambda: torch.ones(2), lambda: torch.ones(2) * 1.000001, CPU, gpu.are_close)
    assert len(row.ours) == gpu.ROUNDS


def test_nobody_waits_for_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROWS", 600), ("FEATURES", 3), ("WIDTHS", (5, 4, 3)), ("BATCH", 8), ("STEPS", 4), ("EPOCHS", 3)):
        monkeypatch.setattr(host_waits, name, value)
    sentences = list(host_waits.waits_per_step(CPU))
    assert len(sentences) == 7
    assert sentences[0] == "GradientDescent on 600 × 3: the host waits for the device 0 times in a step that does not log"
    assert all("the host waits for the device 0 times" in sentence for sentence in sentences)


def test_torchs_warnings_are_counted_step_by_step() -> None:
    """As torch words them; the loops of a step are counted, what is between the steps is not."""

    class Waiting(LogisticRegression):
        def training_step(self, batch: tuple[torch.Tensor, ...], batch_idx: int) -> torch.Tensor:
            for _ in range(2 + self.global_step):
                warnings.warn("called a synchronizing CUDA operation (Triggered internally)", stacklevel=1)
            return super().training_step(batch, batch_idx)

    problem, counter = drawn(60, 3), host_waits.HostWaits(CPU)
    batches = TensorBatches((problem.features, problem.targets), ShardedBatchSampler(60, 20))
    make_trainer(1, counter).fit(Waiting(3, optimizer=torch.optim.SGD), batches)
    assert counter.counts == [2, 3, 4]
    assert "3 … 4 times" in host_waits.sentence("a", counter.counts)
