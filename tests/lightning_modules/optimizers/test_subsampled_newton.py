"""Curvature from some rows: the optimum of all of them, however bad the sample."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.optimizers import Newton, SubsampledNewton, diagnose
from lightning_modules.optimizers.convergence import newton_decrement
from lightning_modules.optimizers.solve import SingularCurvatureError

FAMILIES = {"gaussian": Gaussian(2), "bernoulli": Bernoulli(), "categorical": Categorical(3)}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def tall(family: Family, rows: int = 20_000, l2: float = 1e-4, order: str = "random", seed: int = 0) -> GLMObjective:
    """A problem tall enough for samples; its rows in random order, or sorted, so that every so manyth is no random sample."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 5, dtype=torch.float64, generator=generator) * torch.tensor([1.0, 10.0, 0.1, 1.0, 1.0])
    z = x @ torch.randn(5, family.num_outputs, dtype=torch.float64, generator=generator) / 5
    noise = torch.rand(z.shape, dtype=torch.float64, generator=generator).logit()
    if isinstance(family, Gaussian):
        y = z + noise
    else:
        y = (z + noise).argmax(1) if family.num_outputs > 1 else (z + noise > 0).long()[:, 0]
    if order == "periodic":
        # Every 16th row is one and the same, so that the sample says nothing.
        x[::16] = x[0]
    return GLMObjective(family, x, y, l2)


class Passes:
    """An optimizer at work, and how often it asked for what over all rows."""

    def __init__(self, objective: GLMObjective, begin: Tensor | None = None, **options: Any) -> None:
        size = objective.family.num_outputs * (objective.num_features + 1)
        self.parameter = Parameter(torch.zeros(size, dtype=torch.float64) if begin is None else begin.clone())
        self.optimizer, self.objective = SubsampledNewton([self.parameter], **options), objective
        self.gradients: list[float] = []

    def closure(self) -> Tensor:
        value, self.parameter.grad = self.objective.value_and_gradient(self.parameter.detach())
        return value

    def run(self, steps: int = 60) -> "Passes":
        for _ in range(steps):
            self.optimizer.step(closure=self.closure, objective=self.objective)
            self.gradients.append(self.optimizer.diagnostics["gradient_max"])
            if self.optimizer.status is not None:
                break
        return self


def optimum(objective: GLMObjective) -> Tensor:
    parameter = Parameter(torch.zeros(objective.family.num_outputs * (objective.num_features + 1), dtype=torch.float64))
    newton = Newton([parameter])

    def closure() -> Tensor:
        value, parameter.grad = objective.value_and_gradient(parameter.detach())
        return value

    while newton.status is None:
        newton.step(closure=closure, objective=objective)
    return parameter.detach()


@each_family
@pytest.mark.parametrize("order", ["random", "periodic"])
def test_it_ends_where_newtons_method_ends(family: Family, order: str) -> None:
    objective = tall(family, order=order)
    done = Passes(objective).run()
    assert done.optimizer.status == "converged"
    assert_close(done.parameter.detach(), optimum(objective), rtol=0, atol=1e-6)  # the gradient's 3.7e-11 ÷ 1e-4, twice
    assert diagnose(objective, done.parameter.detach()).status == "converged"


@each_family
def test_a_step_costs_one_gradient_and_no_hessian_of_all_rows(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = tall(family)
    rows: dict[str, list[int]] = {"hessian": [], "value": [], "value_and_gradient": []}
    for name, calls in rows.items():
        original = getattr(GLMObjective, name)

        def counted(self: GLMObjective, theta: Tensor, original: Any = original, calls: list[int] = calls) -> Any:
            calls.append(self.num_rows)
            return original(self, theta)

        monkeypatch.setattr(GLMObjective, name, counted)
    done = Passes(objective).run()
    assert done.optimizer.status == "converged"
    assert max(rows["hessian"]) == 2500, "of the 20 000 every 8th"
    assert rows["value_and_gradient"].count(20_000) == len(done.gradients) <= 15
    assert 20_000 not in rows["value"]


@pytest.mark.parametrize("order", ["random", "periodic"])
def test_from_far_away_every_accepted_step_goes_down(order: str) -> None:
    """Too few rows to start from, a start where undamped Newton steps diverge."""
    objective = tall(Bernoulli(), rows=400, order=order)
    begin = torch.full((6,), 3.0, dtype=torch.float64)
    done = Passes(objective, begin).run()
    assert done.optimizer.status == "converged"
    assert_close(done.parameter.detach(), optimum(objective), rtol=0, atol=1e-6)


def test_a_sample_that_says_nothing_gives_way_to_more_rows() -> None:
    done = Passes(tall(Categorical(3), order="periodic"), every=16).run()
    assert done.optimizer.memory["every"] < 16
    assert Passes(tall(Categorical(3)), every=16).run().optimizer.memory["every"] == 16


def test_features_whose_squares_single_precision_cannot_hold_are_squared_in_double() -> None:
    objective = tall(Gaussian(1))
    objective.features[:, 0] *= 1e25
    assert objective.hessian(torch.zeros(6)).isinf().any(), "in float32"
    work = Passes(objective)
    work.optimizer.step(closure=work.closure, objective=objective)
    assert work.optimizer.memory["every"] > 1 and work.optimizer.memory["damping"] == 0.0
    assert work.optimizer.memory["factor"].isfinite().all()


def test_a_curvature_that_no_damping_makes_regular_is_refused() -> None:
    work = Passes(tall(Gaussian(1), rows=100))
    with pytest.raises(SingularCurvatureError):
        work.optimizer._factorise(torch.full((6, 6), torch.nan), torch.zeros(6, 0))


@each_family
def test_the_decrement_of_a_sample_bounds_the_decrement(family: Family) -> None:
    """n H ⪰ m C, so that λ² ≤ n/m gᵀC⁻¹g, at any point and for any rows."""
    for order in ("random", "periodic"):
        objective = tall(family, rows=2000, order=order, l2=0.1)
        theta = torch.randn(6 * family.num_outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        gradient = objective.gradient(theta)
        exact = newton_decrement(objective, theta, gradient).squared
        for every in (2, 7, 16):
            sample = objective.every(every)
            assert exact <= newton_decrement(sample, theta, gradient).squared * objective.num_rows / sample.num_rows


def test_state_goes_on_where_it_was() -> None:
    objective = tall(Bernoulli())
    whole, first = Passes(objective).run(), Passes(objective).run(3)
    again = Passes(objective, first.parameter.detach())
    again.optimizer.load_state_dict(first.optimizer.state_dict())
    assert first.gradients + again.run().gradients == whole.gradients
    assert torch.equal(again.parameter, whole.parameter)


def test_where_no_step_goes_down_it_stays_and_says_so() -> None:
    """A tolerance that rounding does not let it meet: the last point that was lower than the one before is kept."""
    done = Passes(tall(Bernoulli(), rows=400), tolerance=0.0).run(200)
    assert done.optimizer.status == "stalled"
    assert torch.equal(done.parameter, done.optimizer.memory["theta"])
    assert done.objective.gradient(done.parameter.detach()).abs().max() < 1e-15


def test_flat_directions_without_penalty_are_no_obstacle() -> None:
    """Two equal columns: the curvature is singular in every sample, and the minimiser not unique."""
    objective = tall(Bernoulli(), l2=0.0)
    objective.features[:, 1] = objective.features[:, 0]
    done = Passes(objective).run()
    assert done.gradients[-1] < 1e-8
    assert diagnose(objective, done.parameter.detach()).status == "rank_deficient"


class Network(Objective):
    def value(self, theta: Tensor) -> Tensor:
        return theta.square().sum()


@pytest.mark.parametrize("is_sample", [False, True])
def test_what_it_is_not_for_is_refused(is_sample: bool) -> None:
    objective = tall(Bernoulli(), rows=100)
    objective.is_sample = is_sample
    work = Passes(objective)
    with pytest.raises(ValueError, match=r"all rows in one batch.*use DiagonalNewton for mini-batches, Newton"):
        work.optimizer.step(closure=work.closure, objective=objective if is_sample else Network())


def test_bad_options_and_sizes_are_refused() -> None:
    for every in (0, -1, 1.5):
        with pytest.raises(ValueError, match="whole number"):
            SubsampledNewton([Parameter(torch.zeros(2))], every=every)  # type: ignore[arg-type]
    objective = GLMObjective(Bernoulli(), torch.zeros(3, 30_000), torch.tensor([0, 1, 0]))
    with pytest.raises(ValueError, match=r"6\.7 GiB: use Newton\(solver='cg'\)"):
        Passes(objective).run(1)
