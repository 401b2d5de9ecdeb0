"""Every kind of layer against automatic differentiation in float64, on random shapes."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from lightning_modules.objectives import GraphObjective, Point, Reduction, this_process
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.graphs import graph_loss
from tests.lightning_modules.objectives.layer_cases import KINDS, draw_case
from tests.lightning_modules.objectives.network_cases import assert_relatively_close
from tests.lightning_modules.objectives.queries import ask
from tests.lightning_modules.processes import in_processes

POINT_QUERIES = ("value", "gradient", "ggn", "ggn_diagonal", "hessian", "hessian_diagonal")
each_kind = pytest.mark.parametrize("name", KINDS)


@each_kind
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_all_derivatives_equal_those_of_automatic_differentiation(name: str, seed: int) -> None:
    objective, theta, module = draw_case(name, seed)
    v, span = torch.randn_like(theta), torch.randn(3, len(theta), dtype=theta.dtype)
    ours, oracle = objective.at(theta), Point(objective, theta)
    for query in POINT_QUERIES:
        assert_relatively_close(ask(ours, query), ask(oracle, query), (query, str(module)))
    for query in ("ggn_product", "hessian_product"):
        assert_relatively_close(ask(ours, query, v), ask(oracle, query, v), (query, str(module)))
    form = span @ ask(oracle, "ggn") @ span.T
    assert_relatively_close(ours.curvature("ggn").form(span), form, ("form", str(module)))


@each_kind
def test_the_value_is_that_of_the_module_itself(name: str) -> None:
    """All oracles start from `value`, so it is compared with torch's own call of the module and its own loss."""
    objective, theta, module = draw_case(name, 7)
    outputs, y = module(objective.row_loss.features), objective.row_loss.targets
    own = cross_entropy(outputs, y) if isinstance(objective.loss, Categorical) else mse_loss(outputs, y) * y.shape[1]
    weights = sum((p.square().sum() for p in module.parameters() if p.ndim > 1), torch.zeros(()))
    assert_relatively_close(objective.value(theta), own + objective.row_loss.l2 / 2 * weights, str(module), 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_an_embedding_adds_up_what_a_row_has_twice(seed: int) -> None:
    torch.manual_seed(seed)
    padding = seed % 2 or None
    module = nn.Sequential(nn.Embedding(5, 3, padding_idx=padding), nn.Linear(3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))
    words = torch.randint(0, 5, (6, 4))
    objective = GraphObjective(module.double(), Categorical(3), words, torch.randint(0, 3, (6,)))
    theta = torch.cat([p.detach().flatten() for p in module.parameters()])
    for query in POINT_QUERIES:
        assert_relatively_close(ask(objective.at(theta), query), ask(Point(objective, theta), query), query)
    v = torch.randn_like(theta)
    assert_relatively_close(
        ask(objective.at(theta), "ggn_product", v), ask(Point(objective, theta), "ggn_product", v), "product"
    )


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose1d", "max_pool", "sum_of_branches", "group_norm"])
def test_chunks_of_rows_are_summed_to_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta, _ = draw_case(name, 3)
    whole = {query: ask(objective.at(theta), query) for query in POINT_QUERIES}
    monkeypatch.setattr(graph_loss, "rows_at_a_time", lambda *_: 1)
    objective.forget()
    for query, expected in whole.items():
        assert_relatively_close(ask(objective.at(theta), query), expected, query, 1e-12)


def test_a_hessians_diagonal_through_bent_layers_is_refused_where_it_would_take_a_product_for_each_parameter() -> None:
    bent = nn.Sequential(nn.Linear(70, 70), nn.GELU(), nn.Linear(70, 2))
    straight = nn.Sequential(nn.Linear(70, 70), nn.LeakyReLU(), nn.Linear(70, 2))
    x, y = torch.randn(3, 70), torch.tensor([0, 1, 0])
    theta = torch.zeros(sum(p.numel() for p in bent.parameters()))
    with pytest.raises(ValueError, match=r"bend \('1'\).*curvature='ggn'.*hessian_diagonal_estimate"):
        GraphObjective(bent, Categorical(2), x, y).at(theta).curvature("hessian").diagonal()
    objective = GraphObjective(straight, Categorical(2), x, y)
    assert_relatively_close(ask(objective.at(theta), "hessian_diagonal"), ask(objective.at(theta), "ggn_diagonal"))


def test_a_positive_control_a_layer_that_squares_before_it_sums_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum over positions comes first: without it the diagonal of a convolution is another one."""
    from lightning_modules.objectives.layers import affine  # noqa: PLC0415

    def too_early(s: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("cngot,ngit->goi", s.square(), x.square())

    monkeypatch.setattr(affine, "squared_products", too_early)
    objective, theta, _ = draw_case("conv2d", 1)
    assert not torch.allclose(ask(objective.at(theta), "ggn_diagonal"), ask(Point(objective, theta), "ggn_diagonal"), rtol=1e-3)


@pytest.mark.parametrize("name", ["conv2d", "layer_norm", "sum_of_branches"])
@pytest.mark.parametrize("damping", [1.0, 1e-4])
def test_the_step_in_the_space_of_rows_is_that_by_the_matrix(name: str, damping: float) -> None:
    objective, theta, _ = draw_case(name, 2)
    ggn, b = objective.at(theta).curvature("ggn"), torch.randn_like(theta)
    assert ggn.num_factor_rows < len(theta)
    assert_relatively_close(ggn.solver("woodbury").solve(b, damping), ggn.solver("dense").solve(b, damping), name, 1e-8)


def test_shards_of_processes_are_one_whole() -> None:
    """Uneven ones, and one without a row."""
    objective, theta, module = draw_case("conv2d", 2)
    x, y = objective.row_loss.features, objective.row_loss.targets
    shards, v = [slice(0, 1), slice(1, 1), slice(1, len(x))], torch.ones_like(theta)

    def asked(part: slice, reduction: Reduction) -> list[torch.Tensor]:
        point = GraphObjective(module, objective.loss, x[part], y[part], 0.1, reduction).at(theta)
        ggn = point.curvature("ggn")
        rows = ggn.solver("woodbury").solve(v, 0.1)
        return [point.value, point.gradient, ggn.diagonal(), ggn.product(v), ggn.form(v[None]), ggn.kronecker().matrix(), rows]

    whole = asked(slice(None), this_process)
    for found in in_processes(3, lambda rank, reduction: asked(shards[rank], reduction)):
        for ours, expected in zip(found, whole, strict=True):
            assert_relatively_close(ours, expected, "shards", 1e-12)
