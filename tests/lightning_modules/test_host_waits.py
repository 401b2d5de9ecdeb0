"""How often the host waits for its device in a step, on a device that is simulated: see `tests/simulated_device`."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightly.loss import NTXentLoss
from pytorch_lightning.loggers import CSVLogger

from callbacks import CurvatureDiagnostics, CurvatureQuantiles, GradientNorms, LearningRate, UpdateRatios
from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, IrisDataModule
from datamodules.serving.batch_sampler import ShardedBatchSampler
from datamodules.serving.tensor_batches import TensorBatches
from lightning_modules import MLP, LogisticRegression, ObjectiveModule, SimCLR, SoftmaxRegression
from lightning_modules.devices import Number, asked
from lightning_modules.objectives import flattened
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from lightning_modules.training.objective_module import OptimizerCallable
from tests.lightning_modules.objectives.queries import first_order
from tests.simulated_device import DEVICE, CountsPerStep, counting, on_the_device
from tests.training import METHODS, make_model, make_trainer

ROWS, BATCH, STEPS = 96, 8, 12
# Each of a mini-batch without a wait.
WITHOUT_WAIT: dict[str, OptimizerCallable] = {
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "diagonal_newton": DiagonalNewton,
    "diagonal_newton_hessian": partial(DiagonalNewton, curvature="hessian"),
    "diagonal_newton_fixed": partial(DiagonalNewton, lr=0.1, damping=1e-3),
    "sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "adam": partial(torch.optim.Adam, lr=0.1),
}
MODELS: dict[str, Any] = {
    "logistic": partial(LogisticRegression, 5, 0.01),
    "softmax": partial(SoftmaxRegression, 5, 2, 0.01),
    "relu": partial(MLP, (5, 4, 4, 2)),
    "tanh": partial(MLP, (5, 4, 4, 2), "tanh", l2=0.01),
}
# Full batch, of a step whose first trial is taken; each further trial is one more, and each product of conjugate gradients.
FULL_BATCH = {
    "gradient_descent": 2,
    "newton": 4,
    "newton_hessian": 4,
    "newton_fixed": 3,
    "subsampled_newton": 4,
    "diagonal_newton": 2,
    "diagonal_newton_fixed": 3,
    "sgd_nesterov": 0,
    "adam": 0,
}


def fitted(model: ObjectiveModule, device: bool = True, **options: Any) -> tuple[torch.Tensor, CountsPerStep]:
    """The weights after mini-batches, and what happened on the way."""
    torch.manual_seed(0)
    rows = torch.randn(ROWS, 5, dtype=torch.float64), torch.randint(2, (ROWS,))
    counts = CountsPerStep()
    place = on_the_device() if device else {}
    trainer = make_trainer(1, counts, *options.pop("callbacks", ()), **place, **options)
    trainer.fit(model, TensorBatches(rows, ShardedBatchSampler(ROWS, BATCH)))
    assert len(counts.steps) == STEPS
    return torch.cat([p.detach().cpu().flatten() for p in model.parameters()]), counts


@pytest.mark.parametrize("method", WITHOUT_WAIT)
@pytest.mark.parametrize("model", MODELS)
def test_a_step_on_a_mini_batch_never_waits_though_every_one_is_logged(model: str, method: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    callbacks = (GradientNorms(), CurvatureDiagnostics(), LearningRate(), UpdateRatios(), CurvatureQuantiles())
    watched = {"callbacks": callbacks, "logger": CSVLogger(tmp_path), "log_every_n_steps": 1}
    weights, counts = fitted(MODELS[model](optimizer=WITHOUT_WAIT[method]), **watched)
    assert counts.waits == [0] * STEPS
    assert not any(step.copies for step in counts.steps)
    torch.manual_seed(1)
    assert torch.equal(weights, fitted(MODELS[model](optimizer=WITHOUT_WAIT[method]), device=False)[0])


@pytest.mark.parametrize("data", [BreastCancerDataModule, IrisDataModule])
@pytest.mark.parametrize("network", [False, True], ids=["linear", "network"])
@pytest.mark.parametrize("method", FULL_BATCH)
def test_full_batch_a_step_waits_for_its_decisions_alone(method: str, network: bool, data: Any, tmp_path: Path) -> None:
    if network and method == "subsampled_newton":
        pytest.skip("rows of a network cannot be left out")
    torch.manual_seed(0)
    rows = data()
    make = METHODS[method]
    model = MLP((rows.num_features, 4, rows.num_classes), "tanh", optimizer=make) if network else make_model(rows, make)
    counts, rejected = CountsPerStep(), []

    class Rejected(CountsPerStep):
        def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
            report = getattr(trainer.optimizers[0], "report", None)
            rejected.append((report.rejected or 0) if report is not None else 0)

    options = {"logger": CSVLogger(tmp_path), **on_the_device()}
    watching = (GradientNorms(), CurvatureDiagnostics(), LearningRate(), UpdateRatios(), CurvatureQuantiles())
    make_trainer(5, counts, Rejected(), *watching, **options).fit(model, rows)
    waits = [count - more for count, more in zip(counts.waits, rejected, strict=True)]
    # At first what is the same in every step is computed, and rows are checked.
    assert max(waits[1:]) <= FULL_BATCH[method], waits


def test_a_tall_table_is_no_other_case(data_dir: str) -> None:
    data = CaliforniaHousingDataModule(data_dir)
    counts = CountsPerStep()
    make_trainer(5, counts, **on_the_device()).fit(make_model(data, METHODS["subsampled_newton"]), data)
    assert max(counts.waits[2:]) <= 4


def test_read_one_by_one_numbers_are_waited_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without reading them together, and late."""

    def at_once(number: Number) -> float:
        if number._tensor is not None:
            number._value, number._tensor = float(number._tensor), None
        return number._value

    monkeypatch.setattr(Number, "__float__", at_once)
    data, counts = BreastCancerDataModule(), CountsPerStep()
    make_trainer(4, counts, **on_the_device()).fit(make_model(data, DiagonalNewton), data)
    assert min(counts.waits) >= 10


def test_numbers_are_read_together_and_once() -> None:
    x = torch.arange(4.0).to(DEVICE)
    with counting() as counts:
        total, largest, flag, forgotten = asked(x.sum()), asked(x.max()), asked((x > 2).any()), asked(x.mean())
        del forgotten
        assert not counts.waits
        assert (float(total), float(largest), bool(flag), float(total)) == (6.0, 3.0, True, 6.0)
    assert len(counts.waits) == 1
    on_the_cpu = torch.ones(())
    assert asked(on_the_cpu) is on_the_cpu


def test_what_another_thread_has_asked_for_can_be_read_too() -> None:
    with ThreadPoolExecutor(1) as other:
        number = other.submit(lambda: asked(torch.full((), 3.0).to(DEVICE))).result()
    assert float(number) == 3.0


def test_contrastive_learning_waits_for_the_loss_of_the_library_alone() -> None:
    model = SimCLR((8, 8), 3, features=16, channels=8, optimizer=WITHOUT_WAIT["sgd"]).double().to(DEVICE)
    views = (*torch.rand(3, BATCH, 1, 8, 8, dtype=torch.float64).to(DEVICE), torch.randint(3, (BATCH,)).to(DEVICE))
    with counting() as whole:
        model.loss_share(views).total.backward()
    with counting() as own:
        first_order(model.objective(views).at(flattened(model.parameters())))
    assert own.waits == [], "of methods of this project for nothing"
    pair = [torch.rand(BATCH, 4, dtype=torch.float64).to(DEVICE).requires_grad_() for _ in range(2)]
    with counting() as loss:
        NTXentLoss(0.5)(*pair).backward()
    assert len(whole.waits) == len(loss.waits) > 0
    assert len(whole.copies) == len(loss.copies)


@pytest.mark.parametrize("every, step", [(5, 4), (100, 11)], ids=["where it logs", "at the end of the epoch"])
def test_a_loss_that_is_not_finite_is_refused_when_it_has_been_looked_at(every: int, step: int) -> None:
    class Broken(MLP):
        def loss_share(self, batch: Any) -> Any:
            batch = (batch[0] + (torch.inf if self.global_step == 2 else 0), batch[1])
            return super().loss_share(batch)

    with pytest.raises(NonFiniteLossError, match=f"at step {step}"):
        fitted(Broken((5, 4, 2), optimizer=WITHOUT_WAIT["sgd"]), log_every_n_steps=every)


def test_full_batch_what_is_not_finite_is_refused_before_the_weights_move() -> None:
    data = IrisDataModule()
    model = make_model(data, Newton).double()
    torch.nn.init.constant_(next(model.parameters()), 1e300)
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    with pytest.raises(NonFiniteLossError, match="at the start"):
        make_trainer(2, **on_the_device()).fit(model, data)
    assert torch.equal(before, torch.cat([p.detach().cpu().flatten() for p in model.parameters()]))


def test_bad_labels_stop_the_device() -> None:
    model = MODELS["relu"](optimizer=WITHOUT_WAIT["sgd"]).double().to(DEVICE)
    with pytest.raises(RuntimeError):
        model.objective((torch.zeros(2, 5, dtype=torch.float64).to(DEVICE), torch.tensor([0, 7]).to(DEVICE)))
