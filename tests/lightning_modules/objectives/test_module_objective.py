"""The loss of a module against closed forms, finite differences, and itself in shards."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gaussian_nll_loss, softplus
from torch.nn.utils import parameters_to_vector

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import GLMObjective, ModuleObjective, NetworkObjective, Point, SplitLoss
from lightning_modules.objectives.families import Categorical
from lightning_modules.optimizers import Newton, SingularCurvatureError, minimise
from tests.lightning_modules.objectives.queries import ask, first_order

Batch = tuple[Tensor, Tensor]


def summed(module: nn.Module, batch: Batch) -> Tensor:
    features, labels = batch
    return cross_entropy(module(features), labels, reduction="sum")


def make_batch(rows: int = 23) -> Batch:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(rows, 4, generator=generator, dtype=torch.float64)
    return features, torch.randint(0, 3, (rows,), generator=generator)


def network(*further: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), *further, nn.Tanh(), nn.Linear(5, 3)).double()


def flat(module: nn.Module) -> Tensor:
    return parameters_to_vector(module.parameters()).detach()


QUERIES = ("value", "gradient", "hessian", "hessian_diagonal")


def test_a_linear_layer_gives_the_closed_forms() -> None:
    batch, layer = make_batch(), nn.Linear(4, 3).double()
    found, expected = ModuleObjective(layer, summed, batch, len(batch[1])), GLMObjective(Categorical(3), *batch)
    theta, v = torch.randn(2, 15, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for query in QUERIES:
        torch.testing.assert_close(ask(found.at(theta), query), ask(expected.at(theta), query), rtol=1e-12, atol=1e-13)
    product = found.at(theta).curvature("hessian").product(v)
    torch.testing.assert_close(product, expected.at(theta).curvature("hessian").product(v), rtol=1e-12, atol=1e-13)


def test_one_backward_pass_equals_the_oracle_and_finite_differences() -> None:
    batch, module = make_batch(), network()
    objective, theta = ModuleObjective(module, summed, batch, len(batch[1])), flat(module)
    value, gradient = first_order(objective.at(theta))
    torch.testing.assert_close(value, cross_entropy(module(batch[0]), batch[1]).detach(), rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, Point(objective, theta).gradient, rtol=1e-12, atol=1e-14)
    step = 1e-6 * torch.eye(len(theta), dtype=torch.float64)
    slopes = torch.stack([objective.value(theta + s) - objective.value(theta - s) for s in step]) / 2e-6
    torch.testing.assert_close(gradient, slopes, rtol=0, atol=1e-9)
    bends = torch.stack([objective.at(theta + s).gradient - objective.at(theta - s).gradient for s in step]) / 2e-6
    torch.testing.assert_close(objective.at(theta).curvature("hessian").matrix(), bends, rtol=0, atol=1e-9)


def test_the_module_keeps_its_parameters_and_its_gradients() -> None:
    batch, module = make_batch(), network()
    before = flat(module)
    objective = ModuleObjective(module, summed, batch, len(batch[1]))
    value, gradient = first_order(objective.at(torch.zeros_like(before)))
    assert float(value) == pytest.approx(torch.log(torch.tensor(3.0)).item())
    assert not gradient.requires_grad
    assert torch.equal(flat(module), before)
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


def test_shards_uneven_and_empty_ones_too_sum_to_the_whole() -> None:
    (features, labels), module = make_batch(), network()
    theta = flat(module) + 0.1
    whole = ModuleObjective(module, summed, (features, labels), 23)
    cuts = (slice(0, 5), slice(5, 5), slice(5, 23))
    for query in QUERIES:
        handed: list[Tensor] = []

        def keep(local_sum: Tensor, handed: list[Tensor] = handed) -> Tensor:
            handed.append(local_sum)
            return torch.ones_like(local_sum)

        for cut in cuts:
            part = ModuleObjective(module, summed, (features[cut], labels[cut]), len(labels[cut]), keep)
            handed.pop()  # the number of rows
            ask(part.at(theta), query)
        total = torch.stack(handed).sum(0) / 23
        torch.testing.assert_close(total, ask(whole.at(theta), query), rtol=1e-12, atol=1e-13)


def test_no_row_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="not a single row"):
        ModuleObjective(network(), summed, make_batch(), 0)


@pytest.mark.parametrize("make_layer", [nn.Dropout, partial(nn.BatchNorm1d, 5)])
@pytest.mark.parametrize("query", QUERIES)
def test_a_noisy_module_has_one_gradient_and_nothing_to_compare(make_layer: Callable[[], nn.Module], query: str) -> None:
    batch, layer = make_batch(), make_layer()
    module = network(layer)
    objective, theta = ModuleObjective(module, summed, batch, len(batch[1])), flat(module)
    point = objective.at(theta)
    assert point.gradient.isfinite().all() and point.value.isfinite(), "the value of the same pass"
    if query == "gradient":
        return
    with pytest.raises(
        ValueError, match=rf"{type(layer).__name__} '1' makes .*eval\(\), remove the layer, or use a method of torch.optim"
    ):
        ask(objective.at(theta + 1), query)
    module.eval()
    ask(objective.at(theta), query)


def test_dropout_that_drops_nothing_is_fine() -> None:
    batch, module = make_batch(), network(nn.Dropout(0.0))
    ModuleObjective(module, summed, batch, len(batch[1])).value(flat(module))


# -- A loss in two parts ------------------------------------------------------------------------------------------

SPLIT = SplitLoss(
    lambda module, batch: module(batch[0]), lambda outputs, batch: cross_entropy(outputs, batch[1], reduction="sum")
)
GGN_QUERIES = ("ggn", "ggn_diagonal")


def test_a_split_loss_has_the_gauss_newton_matrix_of_the_closed_forms() -> None:
    (features, labels), dense = make_batch(), DenseNetwork((4, 5, 3), "tanh")
    found = ModuleObjective(dense.double(), SPLIT, (features, labels), len(labels))
    expected = NetworkObjective(dense, Categorical(3), features, labels)
    theta, v = torch.randn(2, 43, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for query in (*QUERIES, *GGN_QUERIES):
        torch.testing.assert_close(ask(found.at(theta), query), ask(expected.at(theta), query), rtol=1e-10, atol=1e-12)
    product = expected.at(theta).curvature("ggn").product(v)
    torch.testing.assert_close(found.at(theta).curvature("ggn").product(v), product, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.output_loss(found.outputs(theta)), found.value(theta), rtol=1e-14, atol=0)


def test_the_shards_of_a_gauss_newton_matrix_sum_to_the_whole() -> None:
    (features, labels), module = make_batch(), network()
    whole = ModuleObjective(module, SPLIT, (features, labels), 23)
    parts = [ModuleObjective(module, SPLIT, (features[cut], labels[cut]), len(labels[cut])) for cut in (slice(5), slice(5, 23))]
    for query in GGN_QUERIES:
        first, second = (ask(part.at(flat(module)), query) * part.num_rows for part in parts)
        torch.testing.assert_close((first + second) / 23, ask(whole.at(flat(module)), query), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("query", GGN_QUERIES)
def test_a_loss_in_one_piece_says_how_to_split_it(query: str) -> None:
    module = network()
    with pytest.raises(NotImplementedError, match=r"give it as SplitLoss\(outputs, output_loss\), or use curvature='hessian'"):
        ask(ModuleObjective(module, summed, make_batch(), 23).at(flat(module)), query)


@pytest.mark.parametrize("query", GGN_QUERIES)
def test_a_noisy_module_has_no_gauss_newton_matrix(query: str) -> None:
    module = network(nn.Dropout())
    with pytest.raises(ValueError, match="Dropout '1' makes"):
        ask(ModuleObjective(module, SPLIT, make_batch(), 23).at(flat(module)), query)


def test_the_sum_over_rows_is_one_number() -> None:
    module, x = nn.Linear(3, 2).double(), torch.randn(5, 3, dtype=torch.float64)
    loss = SplitLoss(lambda net, rows: net(rows), lambda f, rows: f.square().sum(1))
    objective = ModuleObjective(module, loss, x, 5)
    with pytest.raises(ValueError, match=r"returned a tensor of shape \(5,\).*the sum over the rows"):
        _ = objective.at(torch.zeros(8, dtype=torch.float64)).value
    with pytest.raises(ValueError, match=r"θ has shape \(3,\), Linear 8 parameters"):
        objective.at(torch.zeros(3))


@pytest.mark.parametrize("curvature", ["ggn", "hessian"])
def test_newtons_method_minimises_a_loss_that_is_not_convex_in_the_outputs(curvature: str) -> None:
    """Mean and spread by a network: −log N(t; f₁, softplus f₂ + 0.1)."""
    torch.manual_seed(0)
    x, t = torch.randn(40, 4, dtype=torch.float64), torch.randn(40, dtype=torch.float64)
    module = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 2)).double()

    def spread(f: Tensor, rows: tuple[Tensor, Tensor]) -> Tensor:
        return gaussian_nll_loss(f[:, 0], rows[1], softplus(f[:, 1]) + 0.1, reduction="sum")

    objective = ModuleObjective(module, SplitLoss(lambda net, rows: net(rows[0]), spread), (x, t), 40)
    start = parameters_to_vector(module.parameters()).detach()
    assert minimise(objective, start, partial(Newton, curvature=curvature)).verdict.status == "converged"
    for _ in range(2):  # into valleys without an end
        start = torch.randn(16, dtype=torch.float64)
        found = minimise(objective, start, partial(Newton, curvature=curvature), 50).theta
        assert objective.at(found).value < objective.at(start).value - 0.2
    convex = replace(objective.own.loss, is_convex=True)
    with pytest.raises(SingularCurvatureError):  # the control: nobody looks
        minimise(ModuleObjective(module, convex, (x, t), 40), start, Newton)
