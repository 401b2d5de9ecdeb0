"""How often the rows pass through a model: an accepted trial is the next step's point, on every device alike."""

import gc
import math
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.objectives import GLMObjective, NetworkObjective, Objective
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.layered.trace import Trace
from lightning_modules.objectives.linear.predictors import Predictors
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton, minimise
from lightning_modules.optimizers.descent import Method
from tests.simulated_device import on_the_device
from tests.training import Iterates, make_trainer

STEPS = 4
METHODS: dict[str, Method] = {
    "newton": Newton,
    "newton_hessian": partial(Newton, curvature="hessian"),
    "newton_cg": partial(Newton, solver="cg"),
    "newton_backtracking": partial(Newton, damping=1e-3, search="backtracking"),
    "diagonal_newton": partial(DiagonalNewton, refresh=1),
    "gradient_descent": partial(GradientDescent, lr=0.1),
}


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every chunk of rows whose outputs are computed."""
    calls: list[int] = []
    through, chunks = Trace.of, Predictors.chunks

    def traced(network: Any, theta: Any, rows: Any) -> Trace:
        calls.append(len(rows))
        return through(network, theta, rows)

    def counted(self: Predictors, *part: int) -> Any:
        for chunk in chunks(self, *part):
            if id(self) not in counted_before:
                counted_before[id(self)] = self
                calls.append(len(chunk[0]))
            yield chunk

    counted_before: dict[int, Predictors] = {}  # held, so that no other point has the same place in memory
    monkeypatch.setattr(Trace, "of", traced)
    monkeypatch.setattr(Predictors, "chunks", counted)
    return calls


def objective_of(model: str) -> tuple[Objective, int]:
    """With its number of parameters."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, dtype=torch.float64, generator=generator)
    y = torch.randint(3, (60,), generator=generator)
    if model == "softmax":
        return GLMObjective(Categorical(3), x, y, 0.1), 15
    network = MLP((4, 5, 3), "tanh", optimizer=Newton).network
    return NetworkObjective(network, Categorical(3), x, y, 0.1), 43


@pytest.mark.parametrize("model", ["softmax", "network"])
@pytest.mark.parametrize("method", METHODS)
def test_a_step_takes_one_pass_and_each_rejected_trial_one_more(method: str, model: str, passes: list[int]) -> None:
    objective, size = objective_of(model)
    start = 0.1 * torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rejected: list[int] = []
    options: dict[str, Any] = {"tolerance": 0.0}
    make = METHODS[method]

    def counting(report: Any) -> bool:
        rejected.append(report.rejected or round(-math.log2(report.step_size)) if method != "gradient_descent" else 0)
        return False

    minimum = minimise(objective, start, lambda p: make(p, **options), STEPS, counting)  # type: ignore[call-arg]
    assert minimum.steps == STEPS
    # Where the step was a trial its point is known already, and is the next step's or the verdict's.
    assert len(passes) == STEPS + sum(rejected) + (method != "gradient_descent")


@pytest.mark.parametrize("on_a_device", [False, True], ids=["cpu", "device"])
@pytest.mark.parametrize(
    "make",
    [partial(SoftmaxRegression, 4, 3, 0.1), partial(MLP, (4, 5, 3), "tanh", l2=0.1)],
    ids=["softmax", "mlp"],
)
@pytest.mark.parametrize("method", ["newton", "diagonal_newton"])
def test_so_it_does_in_a_trainer(method: str, make: Callable[..., Any], on_a_device: bool, passes: list[int]) -> None:
    place = on_the_device() if on_a_device else {}
    rejected: list[float] = []

    class Rejections(Iterates):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
            rejected.append(trainer.optimizers[0].report.rejected)  # type: ignore[attr-defined]

    torch.manual_seed(0)
    make_trainer(5, Rejections(), **place).fit(make(optimizer=METHODS[method]), IrisDataModule())
    assert len(passes) == len(rejected) + sum(rejected) + 1, "that of the point after the last step is its trial's"


def test_weights_changed_between_two_steps_are_looked_at() -> None:
    """Negative control: by a callback that clips them through `.data`, which torch's version counters do not see."""
    objective, size = objective_of("softmax")
    parameter = torch.nn.Parameter(torch.zeros(size, dtype=torch.float64))
    optimizer = Newton([parameter])

    def closure() -> torch.Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    optimizer.step(closure, objective=objective)
    parameter.data.clamp_(-0.01, 0.01)
    loss = optimizer.step(closure, objective=objective)
    clipped = optimizer.report.point.theta  # type: ignore[union-attr]
    assert clipped.abs().max() <= 0.01
    assert float(loss) == pytest.approx(float(objective.value(clipped)), rel=1e-14)


def test_what_a_mini_batch_left_behind_is_freed_with_its_step() -> None:
    """Without waiting for the collector of circles: a device's memory would fill with what earlier batches left."""
    model = MLP((4, 5, 3), "tanh", optimizer=DiagonalNewton).double()
    gc.disable()
    try:
        points = weakref.WeakSet()

        class Watching(Iterates):
            def on_train_batch_end(self, trainer: Trainer, *rest: Any) -> None:
                points.add(trainer.optimizers[0].report.point)  # type: ignore[attr-defined]
                assert len(points) == 1, "those of the batches before are gone"

        make_trainer(2, Watching()).fit(model, IrisDataModule(batch_size=20))
    finally:
        gc.enable()
