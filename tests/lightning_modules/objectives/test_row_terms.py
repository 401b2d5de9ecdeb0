"""Weights, offsets and no intercept: against automatic differentiation, repeated rows, moved predictors and missing columns."""

from dataclasses import dataclass
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.objectives import GLMObjective, Point, Reduction, this_process
from lightning_modules.objectives.families import (
    Bernoulli,
    Categorical,
    ComplementaryLogLog,
    Family,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Poisson,
    Probit,
    Tweedie,
)
from lightning_modules.optimizers import Newton, minimise
from tests.lightning_modules.objectives.queries import ask
from tests.lightning_modules.processes import in_processes

ROWS, WIDTH = 30, 3
FAMILIES: dict[str, Family] = {
    "gaussian": Gaussian(1),
    "gaussian2": Gaussian(2),
    "bernoulli": Bernoulli(),
    "categorical": Categorical(3),
    "poisson": Poisson(),
    "gamma": Gamma(),
    "tweedie": Tweedie(1.5),
    "negative-binomial": NegativeBinomial(0.5),
    "probit": Probit(),
    "cloglog": ComplementaryLogLog(),
}
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
NAMES = ("gradient", "hessian", "hessian_diagonal")


@dataclass(frozen=True)
class Data:
    """Rows whose weights are whole numbers, some of them 0, and whose targets suit a family."""

    features: Tensor
    targets: Tensor
    weights: Tensor
    offset: Tensor

    def repeated(self) -> "Data":
        """Each row as often as its weight says."""
        rows = torch.arange(ROWS).repeat_interleave(self.weights.long())
        return Data(self.features[rows], self.targets[rows], torch.ones(len(rows)), self.offset[rows])


def data(family: Family) -> Data:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=generator)
    classes = torch.randint(max(2, family.num_outputs), (ROWS,), generator=generator)
    reals = torch.randn(ROWS, family.num_outputs, dtype=torch.float64, generator=generator)
    if isinstance(family, Gaussian):
        targets = reals
    elif isinstance(family, Gamma):
        targets = reals[:, 0].exp()
    else:
        targets = classes if isinstance(family, Bernoulli | Categorical | Probit | ComplementaryLogLog) else classes * 2.0
    weights = torch.randint(0, 4, (ROWS,), generator=generator).double()
    offset = 0.3 * torch.randn(ROWS, family.num_outputs, dtype=torch.float64, generator=generator)
    return Data(x, targets, weights, offset)


def theta_of(objective: GLMObjective, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    layout = objective.layout
    return 0.5 * torch.randn(layout.num_outputs * layout.width, dtype=torch.float64, generator=generator)


def assert_same(actual: Tensor, expected: Tensor, tolerance: float = 1e-12) -> None:
    assert actual.shape == expected.shape and (actual - expected).norm() <= tolerance * expected.norm() + 1e-300


@each_family
@pytest.mark.parametrize(
    ("has_weights", "has_offset", "intercept"), [*product((True, False), repeat=3)][1:], ids=lambda value: str(int(value))
)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_closed_forms_are_the_derivatives_of_the_value(family, has_weights, has_offset, intercept, l2):
    d = data(family)
    options = {"weights": d.weights if has_weights else None, "offset": d.offset if has_offset else None}
    objective = GLMObjective(family, d.features, d.targets, l2, chunk_rows=7, intercept=intercept, **options)
    theta = theta_of(objective)
    for name in NAMES:
        assert_same(ask(objective.at(theta), name), ask(Point(objective, theta), name), 1e-10)
    v = theta_of(objective, 2)
    assert_same(ask(objective.at(theta), "hessian_product", v), ask(Point(objective, theta), "hessian_product", v), 1e-10)
    split = objective.output_loss(objective.outputs(theta)) + objective.penalty(theta)
    assert_close(objective.value(theta), split, rtol=1e-13, atol=0)
    # The expected information in its forms.
    ggn = ask(objective.at(theta), "ggn")
    assert_same(ask(objective.at(theta), "ggn_product", v), ggn @ v, 1e-12)
    assert_same(ask(objective.at(theta), "ggn_diagonal"), ggn.diagonal(), 1e-12)


@each_family
@pytest.mark.parametrize("intercept", [True, False])
def test_a_weight_is_a_number_of_rows(family, intercept):
    d = data(family)
    r = d.repeated()
    make = partial(GLMObjective, family, l2=0.01, intercept=intercept)
    weighted, repeated = make(d.features, d.targets, weights=d.weights, offset=d.offset), make(*first(r), offset=r.offset)
    theta = theta_of(weighted)
    assert float(weighted.rows.weight) == repeated.num_rows and weighted.num_rows == int((d.weights > 0).sum())
    assert_close(weighted.unit, repeated.unit, rtol=1e-12, atol=0)
    for name in (*NAMES, "ggn"):
        assert_same(ask(weighted.at(theta), name), ask(repeated.at(theta), name))
    ends = [minimise(objective, torch.zeros_like(theta), Newton, max_steps=60) for objective in (weighted, repeated)]
    assert all(end.status == "converged" for end in ends)
    assert_close(ends[0].theta, ends[1].theta, rtol=0, atol=1e-9)
    bounds = [end.verdict.distance for end in ends]
    assert float((ends[0].theta - ends[1].theta).norm()) <= sum(bounds)


def first(d: Data) -> tuple[Tensor, Tensor]:
    return d.features, d.targets


@each_family
def test_a_weight_of_one_changes_nothing(family):
    d = data(family)
    with_weights, without = (
        GLMObjective(family, *first(d), weights=weights, offset=d.offset) for weights in (torch.ones(ROWS).double(), None)
    )
    theta = theta_of(without)
    for name in NAMES:
        assert torch.equal(ask(with_weights.at(theta), name), ask(without.at(theta), name))


@each_family
def test_an_offset_is_a_feature_whose_coefficient_is_one(family):
    d = data(family)
    if family.num_outputs > 1:
        return  # each output would have a feature of its own
    objective = GLMObjective(family, *first(d), offset=d.offset)
    theta = theta_of(objective)
    wide = GLMObjective(family, torch.cat([d.features, d.offset], 1), d.targets)
    known = torch.cat([theta[:-1], torch.ones(1), theta[-1:]])
    assert_close(objective.value(theta), wide.value(known), rtol=1e-13, atol=0)
    own = [0, 1, 2, 4]
    assert_same(objective.at(theta).gradient, wide.at(known).gradient[own])
    assert_same(ask(objective.at(theta), "hessian"), ask(wide.at(known), "hessian")[own][:, own])


@each_family
def test_without_an_intercept_it_is_the_same_loss_at_a_bias_of_zero(family):
    d = data(family)
    objective, whole = GLMObjective(family, *first(d), intercept=False), GLMObjective(family, *first(d))
    theta = theta_of(objective)
    known = torch.cat([theta, torch.zeros(family.num_outputs)])
    own = list(range(len(theta)))
    assert_close(objective.value(theta), whole.value(known), rtol=1e-13, atol=0)
    assert_same(ask(objective.at(theta), "hessian"), ask(whole.at(known), "hessian")[own][:, own])


@each_family
def test_processes_see_one_table(family):
    d = data(family)
    whole = GLMObjective(family, *first(d), weights=d.weights, offset=d.offset, intercept=False)
    theta = theta_of(whole)

    def work(rank: int, reduction: Reduction) -> tuple[Tensor, Tensor, float, float]:
        own = slice(0, 8) if rank == 0 else slice(8, None)
        part = GLMObjective(
            family, d.features[own], d.targets[own], 0.0, reduction, None, d.weights[own], d.offset[own], intercept=False
        )
        point = part.at(theta)
        return point.gradient, ask(point, "hessian"), part.unit, float(part.rows.weight)

    for gradient, hessian, unit, weight in in_processes(2, work):
        assert_same(gradient, whole.at(theta).gradient)
        assert_same(hessian, ask(whole.at(theta), "hessian"))
        assert_close(unit, whole.unit, rtol=1e-12, atol=0)
        assert weight == float(whole.rows.weight)


def test_a_sample_of_rows_has_their_own_terms():
    d = data(Poisson())
    whole = GLMObjective(Poisson(), *first(d), weights=d.weights + 1, offset=d.offset, chunk_rows=7)
    rows = slice(None, None, 3)
    alone = GLMObjective(Poisson(), d.features[rows], d.targets[rows], weights=d.weights[rows] + 1, offset=d.offset[rows])
    theta = theta_of(whole)
    assert_same(whole.every_kth(3).at(theta).gradient, alone.at(theta).gradient)


@pytest.mark.parametrize("family", [Gaussian(1), Bernoulli()], ids=["gaussian", "bernoulli"])
def test_ill_conditioned_columns_keep_their_digits_with_weights_and_offset(family):
    """The rows are factorised, and the gradient has twice the digits: units of columns 1e10 apart, nearly collinear."""
    torch.manual_seed(0)
    x = torch.randn(200, 3, dtype=torch.float64)
    x[:, 2] = x[:, 1] + 1e-6 * x[:, 2]
    x[:, 0] *= 1e10
    offset, weights = 0.2 * torch.randn(200, dtype=torch.float64), torch.randint(1, 4, (200,)).double()
    y = (torch.rand(200) < 0.5).double()[:, None]
    rows = torch.arange(200).repeat_interleave(weights.long())
    for intercept in (True, False):
        make = partial(GLMObjective, family, intercept=intercept)
        weighted, repeated = make(x, y, weights=weights, offset=offset), make(x[rows], y[rows], offset=offset[rows])
        ends = [
            minimise(o, torch.zeros(3 + intercept, dtype=torch.float64), Newton, max_steps=60) for o in (weighted, repeated)
        ]
        assert [end.status for end in ends] == ["converged"] * 2
        roots = [o.at(end.theta).root for o, end in zip((weighted, repeated), ends, strict=True)]
        assert all(root is not None and root.is_from_rows for root in roots)
        assert_close(ends[0].theta, ends[1].theta, rtol=1e-8, atol=0)
        bounds = [o.at(end.theta).distance.each for o, end in zip((weighted, repeated), ends, strict=True)]
        assert ((ends[0].theta - ends[1].theta).abs() <= bounds[0] + bounds[1]).all()


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ({"weights": torch.ones(ROWS) * -1}, "30 of 30 weights are negative or not finite"),
        ({"weights": torch.tensor([float("nan")] + [1.0] * (ROWS - 1))}, "1 of 30 weights is negative or not finite"),
        ({"weights": torch.zeros(ROWS)}, "all weights are 0"),
        ({"weights": torch.ones(ROWS - 1)}, "give one number a row"),
        ({"weights": torch.ones(ROWS, 2)}, "give one number a row"),
        ({"offset": torch.full((ROWS,), -torch.inf)}, "30 offsets are not finite"),
        ({"offset": torch.ones(ROWS, 2)}, "give one number a row"),
    ],
)
def test_terms_that_are_none_are_refused(terms, what):
    d = data(Poisson())
    with pytest.raises(ValueError, match=what):
        GLMObjective(Poisson(), *first(d), reduction=this_process, **terms)


def test_weights_of_whole_numbers_are_taken():
    d = data(Poisson())
    assert GLMObjective(Poisson(), *first(d), weights=d.weights.long()).unit > 0


@pytest.mark.parametrize("intercept", [True, False])
def test_dependent_columns_are_found_without_a_constant_too(intercept):
    """A constant column depends on the intercept, if there is one, and on nothing else."""
    torch.manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64)
    x[:, 1] = 4.0
    objective = GLMObjective(Gaussian(1), x, torch.randn(20, 1).double(), intercept=intercept)
    assert objective.glm.dependent_columns == ((1,) if intercept else ())
    x[:, 2] = x[:, 0]
    objective = GLMObjective(Gaussian(1), x, torch.randn(20, 1).double(), intercept=intercept)
    assert objective.glm.dependent_columns == ((1, 2) if intercept else (2,))
    x[:, 0] = 0
    objective = GLMObjective(Gaussian(1), x, torch.randn(20, 1).double(), intercept=False)
    assert 0 in objective.glm.dependent_columns


@each_family
def test_rows_of_weight_zero_cannot_keep_classes_together(family):
    """What separates the rows that count separates, whatever the others are."""
    if not isinstance(family, Bernoulli | Probit | ComplementaryLogLog):
        return
    x = torch.linspace(-2, 2, 12, dtype=torch.float64)[:, None]
    y = (x[:, 0] > 0).long()
    y[0], weights = 1, torch.ones(12)
    weights[0] = 0
    end = minimise(GLMObjective(family, x, y, weights=weights), torch.zeros(2, dtype=torch.float64), Newton, max_steps=60)
    assert end.status == "separated"
    end = minimise(GLMObjective(family, x, y), torch.zeros(2, dtype=torch.float64), Newton, max_steps=60)
    assert end.status == "converged"
