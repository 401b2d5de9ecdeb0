"""The step within a trust region against that of an eigenvalue decomposition, and how the region grows and shrinks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import LeastSquares
from lightning_modules.optimizers import Newton, damped_optimizer, minimise
from lightning_modules.optimizers.trust_region import TrustRegion
from lightning_modules.solvers import DenseSolver, SingularCurvatureError
from tests.lightning_modules.optimizers.classical_problems import PROBLEMS
from tests.lightning_modules.optimizers.units import EXACT, units

# Below, C + μD is C to rounding.
LEAST = 1e-12


class Counted(DenseSolver):
    """How often it was factorised."""

    count = 0

    def __init__(self, matrix: Tensor) -> None:
        super().__init__(matrix, matrix[:, :0])

    def factorised(self, ridge):  # type: ignore[no-untyped-def]
        self.count += 1
        return super().factorised(ridge)


@dataclass
class Case:
    """min gᵀs + ½ sᵀCs over √(sᵀDs) ≤ Δ."""

    matrix: Tensor
    scale: Tensor
    gradient: Tensor
    radius: float
    damping: float

    def decrease(self, step: Tensor) -> float:
        return -float(self.gradient @ step + 0.5 * step @ self.matrix @ step)

    def length(self, step: Tensor) -> float:
        return float((self.scale * step.square()).sum().sqrt())

    def damped(self, mu: float) -> Tensor:
        """In the coordinates of the eigenvectors of D^(-½) C D^(-½)."""
        root = self.scale.sqrt()
        values, vectors = torch.linalg.eigh(self.matrix / root[:, None] / root)
        return -(vectors @ ((vectors.T @ (self.gradient / root)) / (values.clamp_min(0) + mu))) / root

    def exact(self) -> tuple[Tensor, float]:
        """By bisection of log μ: the minimiser, and its damping, at least LEAST."""
        low, high = math.log(LEAST), math.log(max(2 * LEAST, self.length(self.gradient / self.scale) / self.radius))
        if self.length(self.damped(LEAST)) <= self.radius:
            return self.damped(LEAST), LEAST
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self.length(self.damped(math.exp(middle))) > self.radius else (low, middle)
        return self.damped(math.exp(high)), math.exp(high)


def cases(condition: float, count: int = 150) -> Iterator[Case]:
    """Random ones of 1 to 8 parameters in units of their own; 0 is for singular."""
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=generator)  # noqa: B023

        size = 1 + seed % 8
        values = torch.logspace(0, -math.log10(condition or 1.0), size, dtype=torch.float64)
        values[: size // 2] *= float(condition > 0)
        q = torch.linalg.qr(draw(size, size))[0]
        unit = 10 ** (4 * draw(size)) if seed % 3 else torch.ones(size, dtype=torch.float64)
        matrix = unit[:, None] * (q * values) @ q.T * unit
        gradient = unit * draw(size)
        if seed % 4 == 3:  # without a part where there is no curvature
            gradient = unit * (q @ (values * draw(size)))
        scale = matrix.diagonal().abs() * (1 + draw(size).square())
        scale = torch.where(scale > 0, scale, 1.0)
        radius = float((gradient.square() / scale).sum().sqrt()) * 10 ** float(2 * draw(1))
        yield Case((matrix + matrix.T) / 2, scale, gradient, radius, (0.0, 1e-6, 1.0, 1e4)[seed % 4])


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e8, 1e14, 0.0])
def test_a_step_is_the_minimiser_of_the_model_within_the_region(condition: float) -> None:
    counts = []
    for case in cases(condition):
        expected, mu = case.exact()
        solver, region = Counted(case.matrix), TrustRegion(case.radius, case.damping)
        step = region.direction(solver, case.gradient, case.scale)
        assert step is not None
        counts.append(solver.count)
        assert case.length(step) <= 1.1001 * case.radius
        if mu > 10 * LEAST:  # it ends at the boundary
            assert case.length(step) >= 0.8999 * case.radius
        # Of a longer step the decrease grows no faster than the length.
        assert case.decrease(step) >= 0.8999 * case.decrease(expected)
        if case.length(step) >= case.radius:
            assert case.decrease(step) >= 0.9999 * case.decrease(expected)
        if region.damping > 10 * LEAST:
            # Whatever its length, no step of that length is better.
            again = Case(case.matrix, case.scale, case.gradient, case.length(step), 0.0).exact()[0]
            assert case.decrease(step) >= (1 - 1e-6) * case.decrease(again)
    assert max(counts) <= 12 and sorted(counts)[len(counts) // 2] <= 3, counts


def test_in_other_units_it_is_the_same_step() -> None:
    for case in cases(1e3, 40):
        unit = units(len(case.scale), EXACT)
        step = TrustRegion(case.radius, 0.0).direction(Counted(case.matrix), case.gradient, case.scale)
        scaled = Counted(case.matrix / unit / unit[:, None])
        other = TrustRegion(case.radius, 0.0).direction(scaled, case.gradient / unit, case.scale / unit**2)
        assert step is not None and other is not None and torch.equal(unit * step, other)


def test_inside_the_region_it_is_newtons_step() -> None:
    for case in cases(1e3, 40):
        newton = -torch.linalg.solve(case.matrix, case.gradient)
        region = TrustRegion(2 * case.length(newton), 0.0)
        step, solver = None, Counted(case.matrix)
        step = region.direction(solver, case.gradient, case.scale)
        assert step is not None and region.damping == 0 and solver.count == 1
        assert case.length(step - newton) <= 1e-9 * case.length(newton)


def test_singular_curvature_with_a_region_that_is_never_reached_takes_few_factorisations() -> None:
    """The gradient has no part where there is no curvature, so that no damping, however small, reaches the boundary."""
    v = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    solver, region = Counted(torch.outer(v, v)), TrustRegion(1e6, 0.0)
    step = region.direction(solver, v, v.square())
    assert step is not None and solver.count <= 4
    assert abs(float(v @ step) + 1) <= 1e-6, "of all minimisers of the model, one"


def test_no_region_no_step() -> None:
    one = torch.ones(1, dtype=torch.float64)
    assert TrustRegion(0.0, 0.0).direction(Counted(one[:, None]), one, one) is None
    assert TrustRegion(math.nan, 0.0).direction(Counted(one[:, None]), one, one) is None


@pytest.mark.parametrize(("gain", "damping", "radius"), [(0.9, 0.5, 2.0), (0.9, 0.0, 1.0), (0.5, 0.5, 1.5), (0.5, 0.0, 1.0)])
def test_a_good_step_widens_the_region(gain: float, damping: float, radius: float) -> None:
    """To twice the step, if that is longer or the step was undamped; one that the model did not foresee leaves it as it is."""
    length = 1.0 if damping else 0.5
    region = TrustRegion(1.5, damping)
    region.accept(length, gain, 0.5)
    assert region.radius == radius
    assert region.damping == (damping / 2 if gain >= 0.75 else damping)


@pytest.mark.parametrize(("share", "factor"), [(0.0, 0.1), (0.05, 0.1), (0.3, 0.3), (2.0, 0.5)])
@pytest.mark.parametrize("is_taken", [False, True], ids=["rejected", "of little gain"])
def test_a_bad_step_shrinks_the_region_to_where_the_parabola_turns(share: float, factor: float, is_taken: bool) -> None:
    region = TrustRegion(1.0, 0.5)
    if is_taken:
        region.accept(1.0, 0.25, share)
    else:
        region.reject(1.0, share)
    assert region.radius == pytest.approx(factor) and region.damping == pytest.approx(0.5 / factor)


def test_a_region_far_larger_than_the_step_shrinks_to_the_step_at_once() -> None:
    region = TrustRegion(1e9, 0.0)
    region.reject(1e-3, 0.5)
    assert region.radius == pytest.approx(5e-3)


def test_a_matrix_that_is_nowhere_definite_has_no_step() -> None:
    class Never(DenseSolver):
        def factorised(self, ridge):  # type: ignore[no-untyped-def]
            raise SingularCurvatureError("never")

    one = torch.ones(1, dtype=torch.float64)
    assert TrustRegion(1.0, 0.0).direction(Never(one[:, None], one[:, None][:, :0]), one, one) is None


@pytest.mark.parametrize(
    "name", ["Rosenbrock", "Meyer", "Osborne 1", "Kowalik and Osborne", "Wood", "Biggs", "Gulf", "penalty I"]
)
def test_a_step_of_a_classical_problem_takes_few_factorisations(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    class Watched(TrustRegion):
        def direction(self, solver, gradient, scale):  # type: ignore[no-untyped-def]
            calls: list[int] = []
            factorised = solver.factorised
            solver.factorised = lambda ridge: calls.append(1) or factorised(ridge)
            try:
                return super().direction(solver, gradient, scale)
            finally:
                del solver.factorised
                counts.append(len(calls))

    monkeypatch.setattr("lightning_modules.optimizers.newton.TrustRegion", Watched)
    monkeypatch.setattr(damped_optimizer, "TrustRegion", Watched)
    problem = PROBLEMS[name]
    start = torch.tensor(problem.start, dtype=torch.float64)
    assert minimise(LeastSquares(problem.residuals), start, Newton).status == "converged"
    assert counts and max(counts) <= 12 and sorted(counts)[len(counts) // 2] <= 3, counts


def test_a_parameter_that_starts_at_0_comes_away_from_one_that_hardly_matters() -> None:
    """The length of θ alone, in a scale of 1e-20, would be too short a region for its steps to show in the loss."""
    curve = LeastSquares(lambda theta: torch.stack([1e-20 * (theta[0] - 1), theta[1] - 2]))
    minimum = minimise(curve, torch.tensor([1.5, 0.0], dtype=torch.float64))
    assert minimum.status == "converged" and minimum.steps <= 10
    torch.testing.assert_close(minimum.theta, torch.tensor([1.0, 2.0], dtype=torch.float64), rtol=1e-10, atol=0)


def test_what_is_solved_with_the_matrix_of_the_step_factorises_nothing_anew() -> None:
    """As the correction for a bend is: with the very μD, which the solver knows."""
    root = torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    solver, g = Counted(root @ root.T), torch.ones(5, dtype=torch.float64)
    region = TrustRegion(0.1, 0.0)
    step = region.direction(solver, g, solver.diagonal())
    assert step is not None and region.damping > 0
    count = solver.count
    torch.testing.assert_close(-solver.solve(g, region.ridge), step, rtol=0, atol=0)
    assert solver.count == count
    solver.solve(g, region.damping * solver.diagonal())
    assert solver.count == count + 1, "negative control: the same numbers anew"
