"""Curvature from some rows: the optimum of all of them, however bad the sample."""

from functools import cached_property, partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Objective, Reduction
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.objectives.linear.glm_curvature import GLMCurvature
from lightning_modules.objectives.linear.glm_point import GLMPoint
from lightning_modules.optimizers import Newton, SubsampledNewton, diagnose, minimise
from lightning_modules.optimizers.newton_decrement import newton_decrement
from lightning_modules.optimizers.sampled_steps import SampledState, SampledSteps, decrement_bound
from lightning_modules.solvers import SingularCurvatureError
from tests.lightning_modules.processes import in_processes

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


class Fit:
    """A method at work on an objective."""

    def __init__(self, objective: GLMObjective, begin: Tensor | None = None, method: Any = SubsampledNewton, **options: Any):
        size = objective.family.num_outputs * (objective.num_features + 1)
        self.parameter = Parameter(torch.zeros(size, dtype=torch.float64) if begin is None else begin.clone())
        self.optimizer, self.objective = method([self.parameter], **options), objective
        self.gradients: list[float] = []

    def closure(self) -> Tensor:
        point = self.objective.at(self.parameter)
        self.parameter.grad = point.gradient.clone()
        return point.value

    def run(self, steps: int = 60) -> "Fit":
        for _ in range(steps):
            self.optimizer.step(closure=self.closure, objective=self.objective)
            self.gradients.append(float(self.optimizer.report.gradient_max))
            if self.optimizer.status is not None:
                break
        return self


def optimum(objective: GLMObjective) -> Tensor:
    start = torch.zeros(objective.family.num_outputs * (objective.num_features + 1), dtype=torch.float64)
    return minimise(objective, start, partial(Newton, curvature_rows="all")).theta


@each_family
@pytest.mark.parametrize("order", ["random", "periodic"])
def test_it_ends_where_newtons_method_ends(family: Family, order: str) -> None:
    objective = tall(family, order=order)
    done = Fit(objective).run()
    assert done.optimizer.status == "converged"
    assert_close(done.parameter.detach(), optimum(objective), rtol=0, atol=1e-6)  # the gradient's 3.7e-11 ÷ 1e-4, twice
    assert diagnose(objective, done.parameter.detach()).status == "converged"


@each_family
@pytest.mark.parametrize("method", [SubsampledNewton, Newton])
def test_a_step_costs_one_pass_and_no_curvature_of_all_rows(
    family: Family, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default too, but for least squares, whose curvature is needed once."""
    objective = tall(family)
    passes: list[int] = []
    matrices: list[int] = []
    for name, calls, cls in (("_value_and_gradient", passes, GLMPoint), ("matrix", matrices, GLMCurvature)):
        original = vars(cls)[name]
        compute = original.func if isinstance(original, cached_property) else original

        def counted(self: Any, compute: Any = compute, calls: list[int] = calls) -> Any:
            calls.append(self.glm.rows.num_rows)
            return compute(self)

        if isinstance(original, cached_property):
            replacement: Any = cached_property(counted)
            replacement.__set_name__(cls, name)
        else:
            replacement = counted
        monkeypatch.setattr(cls, name, replacement)
    done = Fit(objective, method=method).run()
    assert done.optimizer.status == "converged"
    if method is Newton and isinstance(family, Gaussian):
        assert 20_000 in matrices and passes.count(20_000) == len(done.gradients) == 2
        return
    assert max(matrices) == 2500, "of the 20 000 every 8th"
    assert passes.count(20_000) == len(done.gradients) <= 15


@pytest.mark.parametrize("order", ["random", "periodic"])
def test_from_far_away_every_accepted_step_goes_down(order: str) -> None:
    """Too few rows to start from, a start where undamped Newton steps diverge."""
    objective = tall(Bernoulli(), rows=400, order=order)
    begin = torch.full((6,), 3.0, dtype=torch.float64)
    done = Fit(objective, begin).run()
    assert done.optimizer.status == "converged"
    assert_close(done.parameter.detach(), optimum(objective), rtol=0, atol=1e-6)


def test_a_sample_that_says_nothing_gives_way_to_more_rows() -> None:
    done = Fit(tall(Categorical(3), order="periodic"), every=16).run()
    assert done.optimizer.kept.row_interval < 16
    assert Fit(tall(Categorical(3)), every=16).run().optimizer.kept.row_interval == 16


def test_a_curvature_that_no_damping_makes_regular_is_refused() -> None:
    objective = tall(Gaussian(1))
    objective.features[7::8, 0] = torch.nan  # every 8th row from the first has none, and nor has a start at the optimum
    steps = SampledSteps(SampledState(row_interval=8), minimise=lambda few, theta: theta)
    with pytest.raises(SingularCurvatureError):
        steps._factorise(objective.at(torch.zeros(6, dtype=torch.float64)))


@each_family
def test_the_decrement_of_a_sample_bounds_the_decrement(family: Family) -> None:
    """n H ⪰ m C, so that λ² ≤ n/m gᵀC⁻¹g, at any point and for any rows."""
    for order in ("random", "periodic"):
        objective = tall(family, rows=2000, order=order, l2=0.1)
        theta = torch.randn(6 * family.num_outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        point = objective.at(theta)
        exact = newton_decrement(point, point.gradient).squared
        for interval in (2, 7, 16):
            assert exact <= decrement_bound(point, point.gradient, interval)


def test_state_goes_on_where_it_was() -> None:
    objective = tall(Bernoulli())
    whole, first = Fit(objective).run(), Fit(objective).run(3)
    again = Fit(objective, first.parameter.detach())
    again.optimizer.load_state_dict(first.optimizer.state_dict())
    assert first.gradients + again.run().gradients == whole.gradients
    assert torch.equal(again.parameter, whole.parameter)


def test_where_no_step_goes_down_it_stays_and_says_so() -> None:
    """A tolerance that rounding does not let it meet: the last point that was lower than the one before is kept."""
    done = Fit(tall(Bernoulli(), rows=400), tolerance=0.0).run(200)
    assert done.optimizer.status == "stalled"
    assert done.objective.at(done.parameter.detach()).gradient.abs().max() < 1e-15


def test_flat_directions_without_penalty_are_no_obstacle() -> None:
    """Two equal columns: the curvature is singular in every sample, and the minimiser not unique."""
    objective = tall(Bernoulli(), l2=0.0)
    objective.features[:, 1] = objective.features[:, 0]
    done = Fit(objective).run()
    assert done.gradients[-1] < 1e-8
    assert diagnose(objective, done.parameter.detach()).status == "rank_deficient"


class Network(Objective):
    def value(self, theta: Tensor) -> Tensor:
        return theta.square().sum()


@pytest.mark.parametrize("is_sample", [False, True])
def test_what_it_is_not_for_is_refused(is_sample: bool) -> None:
    objective = tall(Bernoulli(), rows=100)
    if is_sample:
        objective = objective.as_sample()
    work = Fit(objective)
    with pytest.raises(ValueError, match=r"all rows in one batch.*use DiagonalNewton for mini-batches, Newton"):
        work.optimizer.step(closure=work.closure, objective=objective if is_sample else Network())


def test_bad_options_and_sizes_are_refused() -> None:
    for every in (0, -1, 1.5):
        with pytest.raises(ValueError, match="whole number"):
            SubsampledNewton([Parameter(torch.zeros(2))], every=every)  # type: ignore[arg-type]
    for rows in (0, -1, 1.5, True, "some"):
        with pytest.raises(ValueError, match=r"curvature_rows=.*'auto', 'all', or a number of rows"):
            Newton([Parameter(torch.zeros(2))], curvature_rows=rows)  # type: ignore[arg-type]
    for options in ({"damping": 0.1}, {"lr": 0.5}, {"solver": "cg"}):
        with pytest.raises(ValueError, match="use curvature_rows='all'"):
            Newton([Parameter(torch.zeros(2))], curvature_rows=100, **options)


def test_a_matrix_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.optimizers.dense_limit.DENSE_BYTES", 8 * 6**2 - 1)
    with pytest.raises(ValueError, match=r"curvature over some rows of 6 parameters.*use Newton\(solver='cg'\)"):
        Fit(tall(Bernoulli())).run(1)


@pytest.mark.parametrize(
    ("options", "rows", "interval"),
    [
        ({}, 20_000, 8),
        ({}, 3000, 1),
        ({"curvature_rows": "all"}, 20_000, 1),
        ({"curvature_rows": 5000}, 20_000, 4),
        ({"curvature_rows": 30_000}, 20_000, 1),
        ({"curvature_rows": 10}, 480, 10),  # 8 rows for each of 6 parameters at least
        ({"damping": 0.0}, 20_000, 1),
        ({"lr": 0.5}, 20_000, 1),
        ({"solver": "cg"}, 20_000, 1),
    ],
    ids=str,
)
def test_which_rows_give_the_curvature_by_default_and_if_somebody_says(
    options: dict[str, Any], rows: int, interval: int
) -> None:
    method = Newton([Parameter(torch.zeros(6, dtype=torch.float64))], **options)
    assert method.row_interval(tall(Bernoulli(), rows=rows)) == interval
    assert method.row_interval(tall(Gaussian(1), rows=rows)) in (1, interval if "curvature_rows" in options else 1)
    assert method.row_interval(tall(Bernoulli(), rows=rows).as_sample()) == 1


@pytest.mark.parametrize("method", [SubsampledNewton, Newton])
@pytest.mark.parametrize("shares", [(slice(0, 9001), slice(9001, 20_000)), (slice(0, 20_000), slice(20_000, 20_000))])
def test_several_processes_take_the_steps_of_one(method: Any, shares: tuple[slice, slice]) -> None:
    """The rows that give the curvature are the same, however they are shared."""
    whole = tall(Categorical(3))
    expected = Fit(whole, method=method)
    iterates = [expected.run(1).parameter.detach().clone() for _ in range(5)]

    def share(rank: int, reduction: Reduction) -> list[Tensor]:
        rows = shares[rank]
        mine = GLMObjective(Categorical(3), whole.features[rows], whole.targets[rows], whole.l2, reduction)
        fit = Fit(mine, method=method)
        return [fit.run(1).parameter.detach().clone() for _ in range(5)]

    for mine in in_processes(2, share):
        for found, theta in zip(mine, iterates, strict=True):
            assert_close(found, theta, rtol=0, atol=1e-11)
