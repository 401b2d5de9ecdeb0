"""Systems solved in the space of rows, against the matrix formed and factorised."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import (
    Curvature,
    FunctionObjective,
    GLMObjective,
    LeastSquares,
    ModuleObjective,
    NetworkObjective,
    Objective,
    PartialObjective,
    Point,
    Reduction,
    SplitLoss,
    this_process,
)
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian, PointwiseLoss, PseudoHuber
from lightning_modules.optimizers.parameter_scale import positive_scale
from lightning_modules.solvers import DenseSolver, SingularCurvatureError, StoredRows, WoodburySolver
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.processes import in_processes

LOSSES: dict[str, PointwiseLoss] = {
    "squares": Gaussian(2),
    "bernoulli": Bernoulli(),
    "softmax": Categorical(3),
    "huber": PseudoHuber(2, delta=0.5),
}
ROWS, FEATURES = 7, 4


def targets_of(loss: PointwiseLoss, rows: int = ROWS) -> Tensor:
    if isinstance(loss, Categorical):
        return torch.arange(rows) % loss.num_outputs
    return torch.arange(rows) % 2 if isinstance(loss, Bernoulli) else normal(rows, loss.num_outputs, seed=2)


def network_objective(
    loss: PointwiseLoss, l2: float = 0.0, skips: bool = False, rows: int = ROWS, reduction: Reduction = this_process
) -> NetworkObjective:
    make = ResidualNetwork if skips else DenseNetwork
    widths = (FEATURES, 6, 6, loss.num_outputs)
    x = normal(rows, FEATURES, seed=1)
    x[:, 2] = 0.0  # a feature without any curvature
    return NetworkObjective(make(widths, "tanh"), loss, x, targets_of(loss, rows), l2, reduction)


def parameters_of(objective: NetworkObjective, seed: int = 3) -> Tensor:
    return 0.5 * normal(sum(p.numel() for p in objective.network.parameters()), seed=seed)


def partial_objective() -> tuple[Objective, Tensor]:
    """The first layer's weights and a few single parameters are frozen."""
    whole = network_objective(Gaussian(2))
    theta = parameters_of(whole)
    places = torch.arange(24, len(theta))
    places = places[places % 13 != 0]
    return PartialObjective(whole, theta, places), theta[places]


def module_objective(reduction: Reduction = this_process, rows: slice = slice(None)) -> tuple[ModuleObjective, Tensor]:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 9), torch.nn.Tanh(), torch.nn.Linear(9, 3)).double()
    batch = normal(ROWS, 4, seed=1)[rows], targets_of(Categorical(3))[rows]
    loss = SplitLoss(lambda m, b: m(b[0]), lambda z, b: torch.nn.functional.cross_entropy(z, b[1], reduction="sum"))
    theta = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    return ModuleObjective(module, loss, batch, len(batch[1]), reduction), theta


def curve(theta: Tensor) -> Tensor:
    t = torch.linspace(0, 1, 6, dtype=torch.float64)
    powers = t[:, None] ** torch.arange(len(theta), dtype=torch.float64)
    return torch.sin(powers @ theta) + theta[:6].square() - 0.3


def residual(theta: Tensor, row: tuple[Tensor, Tensor]) -> Tensor:
    t, y = row
    powers = t ** torch.arange(len(theta), dtype=torch.float64)
    return torch.stack([torch.sin(powers @ theta) - y, powers @ theta.square()])


def least_squares(by_rows: bool) -> tuple[Objective, Tensor]:
    t = torch.linspace(0.1, 1, 6, dtype=torch.float64)
    objective = LeastSquares(residual, rows=(t, t.square())) if by_rows else LeastSquares(curve)
    return objective, 0.3 * normal(30, seed=4)


def of_network(loss: str, l2: float, skips: bool) -> Callable[[], tuple[Objective, Tensor]]:
    def made() -> tuple[Objective, Tensor]:
        objective = network_objective(LOSSES[loss], l2, skips)
        return objective, parameters_of(objective)

    return made


def wide_table() -> tuple[Objective, Tensor]:
    return GLMObjective(Categorical(3), normal(5, 20, seed=1), targets_of(Categorical(3), 5), l2=0.1), normal(63, seed=2)


CASES: dict[str, Callable[[], tuple[Objective, Tensor]]] = {
    **{
        f"{loss}, l2={l2}{', skips' * skips}": of_network(loss, l2, skips)
        for loss in LOSSES
        for l2 in (0.0, 0.1)
        for skips in (False, True)
    },
    "frozen parameters": partial_objective,
    "module": module_objective,
    "least squares": lambda: least_squares(False),
    "least squares by rows": lambda: least_squares(True),
    "softmax regression": wide_table,
}


def damping_scale(point: Point, diagonal: Tensor) -> Tensor:
    """D of a step with adaptive damping."""
    return positive_scale(point.objective.pooled(diagonal.double()), point.theta, point.gradient)


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_that_of_the_matrix(case: str) -> None:
    objective, theta = CASES[case]()
    point = objective.at(theta)
    curvature = point.curvature("ggn")
    assert curvature.num_factor_rows < len(theta)
    dense, found = curvature.solver("dense"), curvature.solver("woodbury")
    assert isinstance(dense, DenseSolver)
    assert isinstance(found, WoodburySolver)
    assert dense.is_exact
    assert found.is_exact
    assert_close(found.diagonal(), dense.diagonal(), rtol=1e-12, atol=1e-15)
    s = normal(len(theta), seed=5)
    assert_close(found.quadratic_form(s), dense.quadratic_form(s), rtol=1e-12, atol=1e-14)
    scale = damping_scale(point, dense.diagonal())
    # Neither has more digits of the solution than the condition of C + μD leaves, about 1/μ.
    for damping in (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-5):
        for ridge in (damping * scale, damping):
            expected = dense.solve(point.gradient, ridge)
            assert relative(found.solve(point.gradient, ridge), expected) < max(1e-10, 1e-13 / damping), (damping, ridge)


@pytest.mark.parametrize("case", ["squares, l2=0.1", "softmax, l2=0.0, skips", "least squares by rows", "frozen parameters"])
def test_what_is_written_out_is_what_automatic_differentiation_gives(case: str) -> None:
    objective, theta = CASES[case]()
    point = objective.at(theta)
    ridge = 1e-2 * damping_scale(point, point.curvature("ggn").diagonal())
    oracle = Curvature(Point(objective, theta), "ggn").solver("woodbury")
    found = point.curvature("ggn").solver("woodbury")
    assert relative(found.solve(point.gradient, ridge), oracle.solve(point.gradient, ridge)) < 1e-12


def test_it_has_more_digits_than_the_matrix_where_the_damping_is_small() -> None:
    """A solution that is known: of a right-hand side made of it."""
    rows = normal(20, 60, seed=1)
    x, matrix = normal(60, seed=2), rows.T @ rows
    none = torch.zeros(60, dtype=torch.float64)
    dense = DenseSolver(matrix, none[:, None][:, :0])
    found = WoodburySolver(StoredRows(rows), none, none[:, None][:, :0])
    for ridge in (1e-4, 1e-8):
        rhs = rows.T @ (rows @ x) + ridge * x
        assert relative(found.solve(rhs, ridge), x) < max(1e-10, 2 * relative(dense.solve(rhs, ridge), x))


@pytest.mark.parametrize(("outputs", "loss"), [(1, Bernoulli()), (3, Categorical(3))])
def test_undamped_steps_under_a_penalty_leave_biases_free(outputs: int, loss: PointwiseLoss) -> None:
    """No ridge holds the biases: they are eliminated, their common shift among softmax outputs left out."""
    rows = 30
    x, y = normal(rows, 20, seed=1), targets_of(loss, rows)
    network = DenseNetwork((20, 4, outputs))
    objective = NetworkObjective(network, loss, x, y, l2=0.1)
    point = objective.at(0.3 * normal(sum(p.numel() for p in network.parameters()), seed=2))
    curvature = point.curvature("ggn")
    rows_of = WoodburySolver(curvature.factor_rows(), curvature.penalty_diagonal(), objective.invariant_directions(point.theta))
    expected = curvature.solver("dense").solve(point.gradient, 0.0)
    assert relative(rows_of.solve(point.gradient, 0.0), expected) < 1e-10


def test_weights_of_their_own_for_each_parameter() -> None:
    """The units of a layer are damped alike; where they are not, rows are written out."""
    objective = network_objective(Categorical(3))
    theta = parameters_of(objective)
    rows, weights = objective.at(theta).curvature("ggn").factor_rows(), normal(len(theta), seed=6).square()
    written = rows.columns(torch.arange(len(theta)))
    assert_close(rows.gram(weights), (written * weights) @ written.T)
    assert_close(StoredRows(written).gram(weights), (written * weights) @ written.T)
    u, v = normal(rows.num_rows, seed=7), normal(len(theta), seed=8)
    assert_close(rows.times(v), written @ v)
    assert_close(rows.transposed(u), written.T @ u)
    assert_close(rows.squares(), written.square().sum(0))
    some = torch.tensor([0, 29, 3, 23, len(theta) - 1, 24, 30])
    assert_close(rows.columns(some), written[:, some])


def test_the_order_of_rows_does_not_matter() -> None:
    objective = network_objective(Gaussian(2), l2=0.1)
    loss, theta = objective.row_loss, parameters_of(objective)
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    mixed = NetworkObjective(objective.network, Gaussian(2), loss.features[order], loss.targets[order], l2=0.1)
    steps = [
        each.at(theta).curvature("ggn").solver("woodbury").solve(objective.at(theta).gradient, 0.01)
        for each in (objective, mixed)
    ]
    assert relative(*steps) < 1e-12


def test_parameters_of_32_bits_are_solved_for_in_64() -> None:
    double = network_objective(Gaussian(2))
    theta = parameters_of(double).float()
    loss = double.row_loss
    single = NetworkObjective(double.network, Gaussian(2), loss.features.float(), loss.targets.float())
    steps = [
        each.at(start).curvature("ggn").solver("woodbury").solve(double.at(theta.double()).gradient, 0.1)
        for each, start in ((single, theta), (double, theta.double()))
    ]
    assert steps[0].dtype == torch.float64
    assert relative(*steps) < 1e-5


# Rows on each process; one of them has none.
SHARES = ((0, 3), (3, 3), (3, 7))


def test_rows_on_several_processes_are_solved_with_together() -> None:
    """The same bytes on each of them, and the step of one process."""
    whole = network_objective(Categorical(3), l2=0.1)
    theta = parameters_of(whole)
    gradient = whole.at(theta).gradient
    loss = whole.row_loss

    def step(rank: int, reduction: Reduction) -> Tensor:
        rows = slice(*SHARES[rank])
        x, y = loss.features[rows], loss.targets[rows]
        objective = NetworkObjective(whole.network, Categorical(3), x, y, 0.1, reduction)
        return objective.at(theta).curvature("ggn").solver("woodbury").solve(gradient, 0.01)

    first, *others = in_processes(3, step)
    assert all(torch.equal(first, other) for other in others)
    assert relative(first, whole.at(theta).curvature("ggn").solver("woodbury").solve(gradient, 0.01)) < 1e-12


def test_rows_of_a_module_on_several_processes() -> None:
    whole, theta = module_objective()
    gradient = whole.at(theta).gradient

    def step(rank: int, reduction: Reduction) -> Tensor:
        objective, start = module_objective(reduction, slice(*SHARES[rank]))
        return objective.at(start).curvature("ggn").solver("woodbury").solve(gradient, 0.01)

    first, *others = in_processes(3, step)
    assert all(torch.equal(first, other) for other in others)
    assert relative(first, whole.at(theta).curvature("ggn").solver("woodbury").solve(gradient, 0.01)) < 1e-12


class Coupled(Objective):
    """A loss that looks at two rows together, and a penalty that does at two parameters, or a loss that is not convex."""

    def __init__(self, loss: Callable[[Tensor], Tensor], penalty: Callable[[Tensor], Tensor]) -> None:
        self.loss, self.of_parameters = loss, penalty

    def value(self, theta: Tensor) -> Tensor:
        return self.output_loss(self.outputs(theta)) + self.penalty(theta)

    def outputs(self, theta: Tensor) -> Tensor:
        return torch.sin(theta.view(4, -1)).sum(1, keepdim=True)

    def output_loss(self, outputs: Tensor) -> Tensor:
        return self.loss(outputs)

    def penalty(self, theta: Tensor) -> Tensor:
        return self.of_parameters(theta)


def squares(t: Tensor) -> Tensor:
    return t.square().sum()


def test_a_penalty_of_each_parameter_is_a_part_of_the_ridge() -> None:
    curvature = Coupled(squares, squares).at(normal(12)).curvature("ggn")
    b = normal(12, seed=1)
    assert relative(curvature.solver("woodbury").solve(b, 0.0), curvature.solver("dense").solve(b, 0.0)) < 1e-13


@pytest.mark.parametrize(
    ("objective", "kind", "message"),
    [
        (Coupled(lambda z: z.sum() ** 2, squares), "ggn", "couples the rows of the outputs.*use solver='cg'"),
        (Coupled(lambda z: -squares(z), squares), "ggn", "not convex in the outputs.*use solver='cg'"),
        (Coupled(squares, lambda t: t.sum() ** 2), "ggn", "penalty of Coupled couples parameters.*solver='cholesky'"),
        (Coupled(squares, squares), "hessian", "use curvature='ggn'"),
        (FunctionObjective(squares), "ggn", "FunctionObjective is a function without rows.*'cholesky' or 'cg'"),
        (LeastSquares(lambda theta: theta), "ggn", "there are 12 for 12: use 'cholesky'"),
    ],
)
def test_what_has_no_space_of_rows_is_refused(objective: Objective, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        objective.at(normal(12)).curvature(kind).solver("woodbury")
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("ridge", [0.0, 1e-18])
def test_without_damping_it_is_singular(ridge: float) -> None:
    objective, theta = least_squares(True)
    solver = objective.at(theta).curvature("ggn").solver("woodbury")
    with pytest.raises(SingularCurvatureError, match="30 parameters follows from 12 rows"):
        solver.solve(normal(30), ridge)
