"""Columns of codes do what the written-out indicators do: sums over rows, minima, verdicts, proofs."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import CodedColumns, Columns, GLMObjective, NetworkObjective
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gamma, Gaussian, Poisson
from lightning_modules.optimizers import Newton, minimise
from tests.lightning_modules.objectives.cases import random_targets

ROWS, WIDTHS = 700, (7, 1, 4)
LAYOUTS = {
    "together": (0, 1, 2),
    "apart": (0, 8, 9),
    "none": (),
    "sparse": (0, 1, 2),
    "sparse alone": (),
    "sparse, long": (0, 1, 2),
}
SPARSE, SLOTS = 6, 3
FAMILIES = [Gaussian(2), Bernoulli(), Categorical(3), Poisson(), Gamma()]


def coded(layout: str, rows: int = ROWS, is_scaled: bool = True) -> tuple[CodedColumns, Tensor, Tensor]:
    """Columns, stored rows (n, c) and written-out ones (n, d), the latter made by comparisons."""
    generator = torch.Generator().manual_seed(0)
    numbers, widths = LAYOUTS[layout], () if layout == "sparse alone" else WIDTHS
    sparse, slots = (SPARSE, SLOTS) if "sparse" in layout else (0, 0)
    d = len(numbers) + sum(widths) + sparse
    firsts, place = [], 0
    for width in widths:
        while any(place <= number < place + width for number in numbers):
            place = max(number for number in numbers if place <= number < place + width) + 1
        firsts.append(place)
        place += width
    x = torch.randn(rows, len(numbers), dtype=torch.float64, generator=generator) + 3
    codes = [torch.randint(0, width + 1, (rows,), generator=generator) for width in widths]
    mean, deviation = torch.zeros(d, dtype=torch.float64), torch.ones(d, dtype=torch.float64)
    features = torch.empty(rows, d, dtype=torch.float64)
    features[:, list(numbers)] = x
    for first, width, code in zip(firsts, widths, codes, strict=True):
        indicators = (code[:, None] == torch.arange(1, width + 1)).double()
        if is_scaled:
            mean[first : first + width] = indicators.mean(0)
            deviation[first : first + width] = indicators.std(0, correction=0)
        own = slice(first, first + width)
        features[:, own] = (indicators - mean[own]) / deviation[own]
    values = torch.randn(rows, slots, dtype=torch.float64, generator=generator)
    # Of each row some features of the last ones, and some slots that are empty.
    places = torch.stack([torch.randperm(sparse, generator=generator)[:slots] for _ in range(rows)]) + d - sparse + 1
    is_empty = torch.rand(rows, slots, generator=generator) < 0.3
    places, values = places.where(~is_empty, 0), values.where(~is_empty, 0.0)
    deviation[d - sparse :] = torch.rand(sparse, dtype=torch.float64, generator=generator) + 0.5 if is_scaled else 1.0
    written = torch.zeros(rows, d + 1, dtype=torch.float64).scatter_(1, places, values)[:, 1 + d - sparse :]
    features[:, d - sparse :] = written / deviation[d - sparse :]
    long_rows, number = None, torch.zeros(rows, 0, dtype=torch.float64)
    if "long" in layout:
        long_rows, number = torch.zeros(rows // 9, d, dtype=torch.float64), torch.zeros(rows, 1, dtype=torch.float64)
        long_rows[:, d - sparse :] = torch.randn(len(long_rows), sparse, dtype=torch.float64, generator=generator)
        which = torch.randperm(rows, generator=generator)[: len(long_rows)]
        number[which, 0] = torch.arange(1, len(long_rows) + 1).double()
        places[which], values[which] = 0, 0.0
        features[which, d - sparse :] = long_rows[:, d - sparse :] / deviation[d - sparse :]
    stored = torch.cat([x, *(code[:, None].double() for code in codes), places.double(), values, number], 1)
    return CodedColumns(d, numbers, widths, tuple(firsts), mean, deviation, slots, long_rows), stored, features


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_scaled", [True, False])
def test_sums_over_rows(layout: str, is_scaled: bool) -> None:
    columns, stored, features = coded(layout, is_scaled=is_scaled)
    plain, d = Columns(features.shape[1]), features.shape[1]
    assert (columns.num_features, columns.num_stored) == (d, stored.shape[1])
    assert torch.equal(columns.expanded(stored), features)
    assert torch.equal(columns.expanded(torch.cat([stored, stored[:, :1]], 1))[:, d], stored[:, 0])
    g, weight, bias = (torch.randn(*size, dtype=torch.float64) for size in ((ROWS, 3), (3, d), (3,)))
    by_row, scale = torch.rand(ROWS, dtype=torch.float64), torch.exp2(torch.randint(-3, 4, (d + 1,)).double())
    half = torch.randn(d + 1, d + 1, dtype=torch.float64)
    out = torch.empty(ROWS, 3, dtype=torch.float64)

    def computed(by: Columns, x: Tensor) -> list[Tensor]:
        transposed, squares, gram = (torch.ones(*size, dtype=torch.float64) for size in ((3, d), (3, d), (d, d)))
        by.add_transposed(transposed, g, x)
        by.add_transposed_squares(squares, g, x)
        by.add_gram(gram, by_row, x)
        products = [by.product(x, weight, bias), by.product(x, weight, bias, out=out).clone()]
        return [*products, transposed, squares, gram, by.squared_lengths(x, scale, half), by.largest(x)]

    for ours, theirs in zip(computed(columns, stored), computed(plain, features), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_magnitudes_bound_those_of_written_out_features(layout: str) -> None:
    columns, stored, features = coded(layout)
    d, scale = features.shape[1], torch.ones(features.shape[1] + 1, dtype=torch.float64)
    weight, bias, g = (torch.randn(*size, dtype=torch.float64) for size in ((2, d), (2,), (ROWS, 2)))
    for ours, theirs in (
        (columns.product_of_magnitudes(stored, weight, bias), features.abs() @ weight.abs().T + bias.abs()),
        (columns.transposed_magnitudes(g.abs(), stored, scale)[:d], features.abs().T @ g.abs()),
    ):
        assert bool((ours >= theirs * (1 - 1e-12)).all())
        assert bool((ours <= 3 * theirs + 1e-12).all())


@pytest.mark.parametrize("layout", ["apart", "sparse alone", "sparse, long"])
def test_a_product_can_be_differentiated_twice(layout: str) -> None:
    columns, stored, features = coded(layout)
    sizes = (2, features.shape[1]), (2,)
    weight, bias = (torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes)
    assert torch.autograd.gradgradcheck(lambda w, b: columns.product(stored[:5], w, b).square(), (weight, bias))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "family", [Gaussian(2), Bernoulli(), Categorical(3), Poisson(), Gamma()], ids=lambda f: type(f).__name__
)
def test_minima_and_verdicts(family: Family, layout: str) -> None:
    columns, stored, features = coded(layout)
    targets, l2 = random_targets(family, ROWS, torch.Generator().manual_seed(1)), 0.0 if family.num_outputs < 3 else 0.01
    targets = targets + 1.0 if isinstance(family, Gamma) else targets
    plain = GLMObjective(family, features, targets, l2, chunk_rows=128)
    ours = GLMObjective(family, stored, targets, l2, columns=columns, chunk_rows=128)
    start = plain.layout.zeros(torch.device("cpu"))
    found, expected = (minimise(objective, start, Newton, 50) for objective in (ours, plain))
    assert found.status == expected.status == "converged"
    torch.testing.assert_close(found.theta, expected.theta, rtol=1e-10, atol=1e-11)
    here, there = ours.at(expected.theta), plain.at(expected.theta)
    for kind in ("hessian", "ggn"):
        of_codes, written_out = here.curvature(kind), there.curvature(kind)
        torch.testing.assert_close(of_codes.matrix(), written_out.matrix(), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(of_codes.diagonal(), written_out.diagonal(), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(of_codes.product(start + 1), written_out.product(start + 1), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours.rows.gram, plain.rows.gram, rtol=1e-10, atol=1e-9)
    # The bound covers what codes may round otherwise, and is no worse than that.
    assert there.distance.norm / 2 < here.distance.norm < 4 * there.distance.norm


def test_what_codes_cannot_tell_apart_is_named() -> None:
    columns, stored, features = coded("together")
    stored[:, 3] = stored[:, 5]  # two columns of the same codes, of which the first has more levels
    objective = GLMObjective(Gaussian(1), stored, features[:, :1] + features[:, 4:5], columns=columns)
    found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 50)
    assert found.status == "rank_deficient"


def test_separated_codes_are_named() -> None:
    columns, stored, _ = coded("together")
    targets = (torch.rand(ROWS) < 0.5).long()
    targets[stored[:, 3] == 2] = 1
    objective = GLMObjective(Bernoulli(), stored, targets, columns=columns)
    found = minimise(objective, objective.layout.zeros(torch.device("cpu")), Newton, 50)
    assert found.status == "separated"
    direction = found.verdict.direction
    assert direction is not None and direction[:-1].nonzero()[:, 0].tolist() == [3 + 2 - 1]


@pytest.mark.parametrize("columns_kept", [[0, 4, 9], [2]])
def test_some_of_the_features(columns_kept: list[int]) -> None:
    columns, stored, features = coded("together")
    targets = random_targets(Poisson(), ROWS, torch.Generator().manual_seed(1))
    some = GLMObjective(Poisson(), stored, targets, columns=columns).on_columns(torch.tensor(columns_kept))
    assert torch.equal(some.features, features[:, columns_kept])
    every = GLMObjective(Poisson(), stored, targets, columns=columns).every_kth(3)
    assert every.num_features == features.shape[1] and len(every.features) == -(-ROWS // 3)


@pytest.mark.parametrize("layout", ["apart", "sparse, long"])
def test_a_network_reads_codes(layout: str) -> None:
    columns, stored, features = coded(layout)
    network, targets = (
        DenseNetwork((features.shape[1], 4, 3), "tanh"),
        random_targets(Categorical(3), ROWS, torch.Generator().manual_seed(1)),
    )
    arguments: Any = network, Categorical(3)
    ours = NetworkObjective(*arguments, stored, targets, 0.1, columns=columns)
    plain = NetworkObjective(*arguments, features, targets, 0.1)
    theta = torch.randn(sum(p.numel() for p in network.parameters()), dtype=torch.float64)
    here, there = ours.at(theta), plain.at(theta)
    assert torch.equal(here.value, there.value) and torch.equal(here.gradient, there.gradient)
    assert torch.equal(ours.value(theta), plain.value(theta)) and torch.equal(ours.outputs(theta), plain.outputs(theta))


def test_rows_that_are_changed_in_place_are_read_anew() -> None:
    columns, stored, features = coded("together")
    weight, bias = torch.randn(1, features.shape[1], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    before = columns.product(stored, weight, bias)
    stored[:, 3] = 0.0
    after = columns.product(stored, weight, bias)
    assert torch.equal(after, columns.product(stored.clone(), weight, bias)) and not torch.equal(after, before)
    with torch.inference_mode():
        assert torch.equal(columns.product(stored.clone(), weight, bias), after)
