"""A step that does not log reads no number of the device: on a device that works on its own, the host never waits for it.

The CPU stands for such a device here, and what would be a wait is counted where a number is handed to Python.
"""

from functools import partial
from typing import Any

import pytest
import torch
from lightly.loss import NTXentLoss
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils._python_dispatch import TorchDispatchMode

from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from lightning_modules import MLP, LogisticRegression, ObjectiveModule, SimCLR, SoftmaxRegression
from lightning_modules.objectives import flattened
from lightning_modules.optimizers import DiagonalNewton, GradientDescent
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from lightning_modules.training.objective_module import OptimizerCallable
from tests.lightning_modules.objectives.queries import first_order
from tests.training import make_trainer

aten = torch.ops.aten
READS = (aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select, aten.unique_dim)
ASK_THE_DEVICE = (
    "training.objective_module",
    "objectives.families.host_waits",
    "optimizers.diagonal_newton",
    "optimizers.running_model",
)
# By a mask, how many numbers there are is known only to the device.
INDEXING = (aten.index, aten.index_put, aten.index_put_)
ROWS, BATCH, STEPS = 96, 8, 12
METHODS: dict[str, OptimizerCallable] = {
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "diagonal_newton": DiagonalNewton,
    "diagonal_newton_hessian": partial(DiagonalNewton, curvature="hessian"),
    "diagonal_newton_fixed": partial(DiagonalNewton, lr=0.1, damping=1e-3),
    # Adam and others count steps in a tensor that is on the CPU wherever the model is, and no wait.
    "sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
}
MODELS: dict[str, Any] = {
    "logistic": partial(LogisticRegression, 5, 0.01),
    "softmax": partial(SoftmaxRegression, 5, 2, 0.01),
    "relu": partial(MLP, (5, 4, 4, 2)),
    "tanh": partial(MLP, (5, 4, 4, 2), "tanh", l2=0.01),
}


class Reads(TorchDispatchMode):
    """Counts operations that hand a number to Python."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = func.overloadpacket in INDEXING and any(i is not None and i.dtype == torch.bool for i in args[1])
        self.number += by_mask or func.overloadpacket in READS
        return func(*args, **(kwargs or {}))


class ReadsPerStep(Callback):
    """Reads within each training step."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.reads = Reads()
        self.reads.__enter__()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.reads.__exit__(None, None, None)
        self.counts.append(self.reads.number)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.reads.__exit__(None, None, None)  # else every operation of every later test would pass through it


@pytest.fixture
def _on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ASK_THE_DEVICE:
        monkeypatch.setattr(f"lightning_modules.{module}.is_asynchronous", lambda tensor: True)


def reads(model: ObjectiveModule, every: int = 5) -> list[int]:
    torch.manual_seed(0)
    rows = torch.randn(ROWS, 5, dtype=torch.float64), torch.randint(2, (ROWS,))
    counter = ReadsPerStep()
    trainer = make_trainer(1, counter, log_every_n_steps=every)
    trainer.fit(model, TensorBatches(rows, ShardedBatchSampler(ROWS, BATCH)))
    assert len(counter.counts) == STEPS
    return counter.counts


@pytest.mark.usefixtures("_on_a_device")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_a_step_on_a_mini_batch_waits_only_where_it_logs(model: str, method: str) -> None:
    counts = reads(MODELS[model](optimizer=METHODS[method]))
    looked = {4, 9, 11}  # after 5 and 10 steps, and after the last of the epoch
    assert [step for step, count in enumerate(counts) if count] == sorted(looked)
    assert all(counts[step] == 1 for step in looked)


@pytest.mark.usefixtures("_on_a_device")
def test_contrastive_learning_waits_for_the_loss_of_the_library_alone() -> None:
    model = SimCLR((8, 8), 3, features=16, channels=8, optimizer=METHODS["sgd"])
    views = (*torch.rand(3, BATCH, 1, 8, 8, dtype=torch.float64), torch.randint(3, (BATCH,)))
    with Reads() as whole:
        objective = model.double().objective(views)
        first_order(objective.at(flattened(model.parameters())))
    with Reads() as loss:
        NTXentLoss(0.5)(*torch.rand(2, BATCH, 4, dtype=torch.float64, requires_grad=True)).backward()
    assert whole.number == loss.number > 0


def test_on_the_cpu_every_step_is_looked_at() -> None:
    assert all(count >= 1 for count in reads(MODELS["relu"](optimizer=METHODS["sgd"])))


@pytest.mark.usefixtures("_on_a_device")
@pytest.mark.parametrize("every, step", [(5, 4), (100, 11)], ids=["where it logs", "at the end of the epoch"])
def test_a_loss_that_is_not_finite_is_refused_at_the_next_look(every: int, step: int) -> None:
    class Broken(MLP):
        def loss_share(self, batch: Any) -> Any:
            batch = (batch[0] + (torch.inf if self.global_step == 2 else 0), batch[1])
            return super().loss_share(batch)

    with pytest.raises(NonFiniteLossError, match=f"at step {step}"):
        reads(Broken((5, 4, 2), optimizer=METHODS["sgd"]), every)


@pytest.mark.usefixtures("_on_a_device")
def test_bad_labels_stop_the_device() -> None:
    model = MODELS["relu"](optimizer=METHODS["sgd"]).double()
    with pytest.raises(RuntimeError):
        model.objective((torch.zeros(2, 5, dtype=torch.float64), torch.tensor([0, 7])))


@pytest.mark.usefixtures("_on_a_device")
@pytest.mark.parametrize("method", ["gradient_descent", "diagonal_newton", "diagonal_newton_fixed"])
def test_without_looking_the_steps_are_the_same(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = []
    for _ in range(2):
        torch.manual_seed(1)
        model = MODELS["tanh"](optimizer=METHODS[method])
        reads(model)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        monkeypatch.undo()
    assert torch.equal(*weights)
