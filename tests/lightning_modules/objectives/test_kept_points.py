"""The point that an objective keeps: never another loss's, gone with a copy, and no graph where there is none."""

import copy
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, huber_loss

from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.objectives import FunctionObjective, GLMObjective, LeastSquares, ModuleObjective, Objective, SplitLoss
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, Newton, minimise
from tests.training import make_trainer

START = torch.tensor([1.0, 2.0], dtype=torch.float64)


class Parabola(Objective):
    """(θ − 3)², or (θ − centre)²."""

    def __init__(self, centre: float = 3.0) -> None:
        self.centre = centre

    def value(self, theta: Tensor) -> Tensor:
        return ((theta - self.centre) ** 2).sum()


def module_objective() -> ModuleObjective:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 1, dtype=torch.float64, generator=generator), torch.randint(2, (20,), generator=generator)
    loss = SplitLoss(summed_outputs, summed_loss)
    return ModuleObjective(nn.Linear(1, 2, bias=False).double(), loss, (x, y), 20)


def summed_outputs(module: Any, batch: Any) -> Tensor:
    outputs: Tensor = module(batch[0])
    return outputs


def summed_loss(outputs: Tensor, batch: Any) -> Tensor:
    return cross_entropy(outputs, batch[1], reduction="sum")


def glm_objective() -> GLMObjective:
    x = torch.arange(6.0, dtype=torch.float64)[:, None]
    return GLMObjective(Bernoulli(), x, torch.tensor([0, 1, 0, 1, 0, 1]), 0.1)


OBJECTIVES = {"function": Parabola, "module": module_objective, "glm": glm_objective}
each_objective = pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES.keys())


def everything(objective: Objective) -> list[Tensor]:
    point = objective.at(START)
    curvature = point.curvature("hessian")
    return [point.value, point.gradient, curvature.matrix(), curvature.product(START)]


@each_objective
def test_in_inference_mode_the_derivatives_are_the_same(make: Any) -> None:
    objective = make()
    expected = [answer.clone() for answer in everything(objective)]
    objective.forget()
    with torch.inference_mode():
        found = everything(objective)
        if not isinstance(objective, ModuleObjective):  # two classes' weights have a common shift, which it does not know of
            assert minimise(objective, START, partial(Newton, curvature="hessian")).status == "converged"
    for answer, exact in zip(found, expected, strict=True):
        assert torch.equal(answer, exact) and exact.any()


@each_objective
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "deep", "pickle"]
)
@pytest.mark.parametrize("sample", [False, True])
def test_a_copy_knows_nothing_yet_and_computes_the_same(make: Any, copied: Any, sample: bool) -> None:
    objective = make().as_sample() if sample else make()
    expected, held = everything(objective), objective.at(START)
    other = copied(objective)
    assert other.last is None and objective.last is held
    for answer, exact in zip(everything(other), expected, strict=True):
        assert torch.equal(answer, exact)
    assert other.at(START).objective is other
    assert torch.equal(copy.deepcopy(held).gradient, expected[1])


def test_a_loss_that_was_changed_is_minimised_anew() -> None:
    strength, y = [0.0], torch.tensor([3.0, 3.0], dtype=torch.float64)
    losses: list[Objective] = [
        FunctionObjective(lambda theta: ((theta - 3) ** 2).sum() + strength[0] * (theta**2).sum()),
        LeastSquares(lambda theta: theta - y),
    ]
    theta = [torch.zeros(2, dtype=torch.float64)] * 2
    for step, centre in enumerate((3.0, 1.5)):
        strength[0] = float(step)
        y.fill_(centre)
        for number, loss in enumerate(losses):
            minimum = minimise(loss, theta[number])
            theta[number] = minimum.theta
            assert minimum.status == "converged"
            torch.testing.assert_close(minimum.theta, torch.full_like(START, centre), rtol=0, atol=1e-8)
    other = copy.copy(Parabola())
    assert float(other.at(START).value) == 5.0
    other.centre = 1.0
    other.forget()
    assert float(other.at(START).value) == 1.0


@pytest.mark.parametrize("make", [partial(SoftmaxRegression, 4, 3), partial(MLP, (4, 3))], ids=["softmax", "mlp"])
def test_a_penalty_changed_in_the_midst_of_a_fit_counts(make: Any) -> None:
    class Stronger(Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 3:
                pl_module.l2 = 1.0

    norms = []
    for l2, callbacks in ((0.01, [Stronger()]), (1.0, []), (0.01, [])):
        model = make(l2=l2, optimizer=Newton)
        make_trainer(40, *callbacks).fit(model, IrisDataModule())
        norms.append(float(sum(p.detach().square().sum() for p in model.parameters() if p.ndim == 2)))
        assert model.convergence().status == "converged"
    assert norms[0] == pytest.approx(norms[1], rel=1e-6) and norms[2] > 2 * norms[1]
    model.l2 = 1.0
    assert model.convergence().status == "stopped", "and after it"


@pytest.mark.parametrize("method", [Newton, partial(Newton, solver="cg"), DiagonalNewton])
def test_a_fitted_model_can_be_copied_and_leaves_its_rows_behind(method: Any) -> None:
    model = SoftmaxRegression(4, 3, 0.1, optimizer=method)
    make_trainer(5).fit(model, IrisDataModule())
    before = len(pickle.dumps(SoftmaxRegression(4, 3, 0.1, optimizer=method)))
    other = copy.deepcopy(model)
    assert other._kept._last is None and model._kept._last is not None
    assert len(pickle.dumps(model)) < before + 2000


# -- Where there is no curvature, or no minimum -------------------------------------------------------------------


@pytest.mark.parametrize("method", [Newton, partial(Newton, curvature="hessian"), DiagonalNewton, partial(Newton, solver="cg")])
def test_a_start_without_curvature_is_left(method: Any) -> None:
    """Huber's loss is linear far out: its curvature is 0 there, and says nothing of how far to go."""
    target = torch.tensor([0.0, 1.0], dtype=torch.float64)
    loss = FunctionObjective(lambda theta: huber_loss(theta, target, reduction="sum"))
    minimum = minimise(loss, torch.tensor([50.0, 60.0], dtype=torch.float64), method)
    assert minimum.status == "converged"
    torch.testing.assert_close(minimum.theta, target, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "objective",
    [LeastSquares(lambda theta: torch.exp(-theta)), FunctionObjective(lambda theta: theta.exp().sum())],
    ids=["least squares", "function"],
)
def test_a_function_that_only_flattens_out_is_not_called_converged(objective: Objective) -> None:
    minimum = minimise(objective, torch.zeros(1, dtype=torch.float64))
    assert minimum.status in ("budget", "stopped", "stalled")


# -- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (lambda theta: ((theta.detach() - 3) ** 2).sum(), "does not depend on θ: is it detached"),
        (lambda theta: 3.0, "the function returned a float"),
        (lambda theta: torch.tensor(3), "type int64"),
        (lambda theta: theta, r"shape \(2,\)"),
        (lambda theta: theta.sum().to(torch.complex128), "type complex128"),
    ],
    ids=["detached", "float", "integer", "vector", "complex"],
)
def test_what_is_no_function_to_minimise_is_refused(function: Any, cause: str) -> None:
    with pytest.raises(ValueError, match=cause) as refusal:
        minimise(FunctionObjective(function), START)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((lambda theta: theta.sum(), START), r"wrap a function of torch in FunctionObjective"),
        ((Parabola(), [1.0, 2.0]), "give a vector of real numbers"),
        ((Parabola(), START[:0]), "give a vector of real numbers"),
        ((Parabola(), START, "Newton"), "give a class of optimizers"),
        ((Parabola(), START, Newton, 2.5), "give a whole number"),
        ((Parabola(), START, Newton, None), "give a whole number"),
    ],
    ids=["function", "list", "nothing", "text", "half", "none"],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        minimise(*arguments)


def test_a_function_that_looks_at_its_numbers_has_a_matrix() -> None:
    class Looking(torch.autograd.Function):
        """θ², whose backward pass branches on what comes in."""

        @staticmethod
        def forward(ctx: Any, theta: Tensor) -> Tensor:
            ctx.save_for_backward(theta)
            return theta**2

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            (theta,) = ctx.saved_tensors
            return 2 * theta * g if bool((g != 0).any()) else torch.zeros_like(theta)

    point = FunctionObjective(lambda theta: (Looking.apply(theta) ** 2).sum()).at(START)
    torch.testing.assert_close(point.curvature("hessian").matrix(), (12 * START**2).diag())
