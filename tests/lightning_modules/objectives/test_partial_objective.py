"""A loss as a function of some of its parameters, against autograd on its value and against the whole loss."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import FunctionObjective, GLMObjective, Objective, PartialObjective
from lightning_modules.objectives.curvature import Curvature
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian
from lightning_modules.objectives.kind import Kind
from lightning_modules.objectives.objective import Point
from lightning_modules.optimizers import Newton, diagnose, minimise
from tests.lightning_modules.objectives.cases import CASES
from tests.lightning_modules.objectives.network_cases import make_case

GLMS = [case for case in CASES if case.chunk_rows == 7]
NETWORKS = [
    make_case((3, 4, 2), loss="squared", l2=0.1),
    make_case((3, 3, 3, 3), "softplus", loss="categorical", residual=True),
    make_case((2, 3, 1), "sigmoid", "tanh", loss="gaussian", seed=3),
]
WHOLE: dict[str, tuple[Objective, int]] = {
    **{case.id: (case.objective(), len(case.theta())) for case in GLMS},
    **{str(case): (case.objective(), case.num_parameters) for case in NETWORKS},
    "function": (FunctionObjective(lambda t: (t**4).sum() + (t[0] * t[1] - t[2]) ** 2), 5),
}
KINDS: tuple[Kind, ...] = ("hessian", "ggn")


def part_of(whole: Objective, size: int, seed: int, share: float = 0.5) -> tuple[PartialObjective, Tensor]:
    """Some parameters in any order, the others at random places; and a point of those."""
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(size, dtype=torch.float64, generator=generator)
    places = torch.randperm(size, generator=generator)[: max(1, round(share * size))]
    return PartialObjective(whole, theta, places), theta[places]


@pytest.mark.parametrize("share", [0.2, 0.7, 1.0])
@pytest.mark.parametrize("name", WHOLE)
def test_derivatives_are_those_of_autograd(name: str, share: float) -> None:
    whole, size = WHOLE[name]
    part, phi = part_of(whole, size, seed=len(name), share=share)
    point, oracle = part.at(phi), Point(part, phi)
    assert_close(point.value, oracle.value)
    assert_close(point.gradient, oracle.gradient)
    v = torch.randn(3, len(phi), dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    for kind in KINDS:
        if kind == "ggn" and not part.is_split:
            continue
        mine, expected = part.at(phi).curvature(kind), Curvature(oracle, kind)
        matrix = expected.matrix()
        assert_close(mine.matrix(), matrix)
        assert_close(mine.diagonal(), matrix.diagonal())
        assert_close(mine.product(v[0]), matrix @ v[0])
        assert_close(mine.form(v), v @ matrix @ v.T)
    if part.is_split:
        assert_close(part.at(phi).curvature("ggn").bend(0.1 * v[0]), Curvature(oracle, "ggn").bend(0.1 * v[0]))


def test_what_is_held_is_held_as_it_was() -> None:
    """A copy: whoever goes on with the vector does not change the loss."""
    whole, size = WHOLE[NETWORKS[0].__str__()]
    theta = torch.randn(size, dtype=torch.float64)
    part = PartialObjective(whole, theta, torch.arange(3))
    before = part.at(theta[:3].clone()).value.clone()
    theta.zero_()
    assert part.point(part.last.theta).value == before  # type: ignore[union-attr]


def test_a_few_parameters_among_many_need_no_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, size = WHOLE["categorical5-l2=0.3-chunk=7"]
    part, phi = part_of(whole, size, seed=1, share=0.2)
    curvature: Any = part.at(phi).curvature("ggn")

    def refuse() -> Tensor:
        raise AssertionError("the whole matrix was formed")

    monkeypatch.setattr(curvature.whole, "matrix", refuse)
    assert curvature.matrix().shape == (len(phi), len(phi))


def test_every_kth_row_and_a_sample_are_parts_too() -> None:
    whole, size = WHOLE["bernoulli-l2=0.3-chunk=7"]
    part, phi = part_of(whole, size, seed=2)
    few = part.every_kth(2)
    rows = whole.every_kth(2)
    assert few is not None and rows is not None
    assert few.at(phi).value == rows.at(part.embedded(phi)).value
    assert part.as_sample().is_sample and part.as_sample().whole.is_sample and not part.is_sample


@pytest.mark.parametrize("frozen", ["nothing", "a bias", "a weight"])
def test_a_common_shift_is_free_only_where_all_of_it_trains(frozen: str) -> None:
    features, targets = torch.randn(20, 2, dtype=torch.float64), torch.randint(3, (20,))
    whole = GLMObjective(Categorical(3), features, targets)
    held = {"nothing": [], "a bias": [8], "a weight": [1]}[frozen]
    places = torch.tensor([place for place in range(9) if place not in held])
    part = PartialObjective(whole, torch.zeros(9, dtype=torch.float64), places)
    phi = torch.randn(len(places), dtype=torch.float64)
    free = part.invariant_directions(phi)
    assert free.shape == (len(places), 3 - len(held)), "one shift for each feature and for the bias, but for what is held"
    assert_close(free.T @ free, torch.eye(free.shape[1], dtype=torch.float64))
    for direction in free.T:
        assert_close(part.value(phi + 3 * direction), part.value(phi))


def test_least_squares_with_a_held_intercept_is_what_linear_algebra_says() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(50, columns, dtype=torch.float64, generator=generator) for columns in (4, 1))
    theta = torch.tensor([0.0, 0.0, 0.0, 0.0, 2.5], dtype=torch.float64)
    part = PartialObjective(GLMObjective(Gaussian(1), x, y), theta, torch.arange(4))
    found = minimise(part, theta[:4], Newton)
    assert found.verdict.status == "converged"
    assert_close(found.theta, torch.linalg.lstsq(x, y - 2.5).solution[:, 0])


def test_separated_classes_are_called_so_only_along_what_trains() -> None:
    x = torch.tensor([[-2.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    whole = GLMObjective(Bernoulli(), x, torch.tensor([0, 0, 1, 1]))
    first, second = (PartialObjective(whole, torch.zeros(3, dtype=torch.float64), torch.tensor([place])) for place in (0, 1))
    start = torch.zeros(1, dtype=torch.float64)
    along = diagnose(first, minimise(first, start, Newton).theta)
    assert along.status == "separated" and along.direction is not None and along.direction.tolist() == [1.0]
    assert minimise(second, start, Newton).verdict.status == "converged", "along the other the loss has a minimum"
