"""Features that are linear combinations of others are named, whatever their units; no others are accused."""

import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import GLMObjective, Reduction
from lightning_modules.objectives.families import Family, Gaussian
from lightning_modules.objectives.linear.linear_dependence import dependent_columns
from lightning_modules.objectives.linear.rows import Rows
from tests.lightning_modules.objectives.cases import FAMILIES
from tests.lightning_modules.optimizers.fitting import normal
from tests.lightning_modules.processes import in_processes

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def with_dependent_columns() -> tuple[Tensor, tuple[int, ...]]:
    """Seven features, of which 2 repeats 0, 4 is constant and 5 is the sum of 1 and 3 minus two."""
    x = normal(40, 7, seed=5)
    x[:, 2] = x[:, 0]
    x[:, 4] = 3.0
    x[:, 5] = x[:, 1] + x[:, 3] - 2.0
    return x, (2, 4, 5)


def overlapping_targets(family: Family, features: Tensor) -> tuple[Tensor, Tensor]:
    """The features and targets such that no direction separates: every row once with every label."""
    if isinstance(family, Gaussian):
        return features, normal(len(features), family.num_outputs)
    classes = max(2, family.num_outputs)
    return features.repeat(classes, 1), torch.arange(classes).repeat_interleave(len(features))


@each_family
@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
def test_dependent_columns_are_named(family: Family, scale: float):
    features, dependent = with_dependent_columns()
    features[:, [0, 3, 5]] *= torch.tensor([scale, 1 / scale, 1.0], dtype=torch.float64)
    features[:, 5] = features[:, 1] + features[:, 3] * scale - 2.0
    objective = GLMObjective(family, *overlapping_targets(family, features), chunk_rows=11)
    found = objective.degeneracy(normal(8 * family.num_outputs, seed=2))
    assert found is not None and found.kind == "rank_deficient"
    assert found.columns == dependent
    assert "3 of 7 features" in found.message and "2, 4, 5" in found.message


@each_family
def test_a_penalty_makes_dependent_columns_harmless(family: Family):
    features, _ = with_dependent_columns()
    objective = GLMObjective(family, *overlapping_targets(family, features), l2=0.1)
    assert objective.degeneracy(normal(8 * family.num_outputs, seed=2)) is None


@pytest.mark.parametrize("seed", range(5))
def test_independent_columns_of_any_scale_are_not_accused(seed: int):
    scales = 10 ** torch.linspace(-8, 8, 6, dtype=torch.float64)
    features = normal(30, 6, seed=seed) * scales
    assert GLMObjective(Gaussian(1), features, normal(30)).degeneracy(normal(7)) is None


def test_more_features_than_rows_leave_as_many_independent_as_there_are_rows():
    found = GLMObjective(Gaussian(1), normal(6, 20), normal(6)).degeneracy(normal(21))
    assert found is not None and found.columns == tuple(range(5, 20))  # the bias is the sixth
    assert "…" in found.message  # a long list is cut


def test_a_column_of_zeros_is_dependent():
    features = normal(10, 3)
    features[:, 1] = 0
    found = GLMObjective(Gaussian(1), features, normal(10)).degeneracy(normal(4))
    assert found is not None and found.columns == (1,)


@pytest.mark.parametrize("seed", range(20))
def test_dependent_columns_are_as_many_as_the_rank_lacks(seed: int):
    generator = torch.Generator().manual_seed(seed)
    rank, size = 1 + seed % 4, 8
    mix = torch.randint(-2, 3, (rank, size), generator=generator).double()
    features = torch.randn(50, rank, dtype=torch.float64, generator=generator) @ mix
    extended = torch.cat([torch.ones(50, 1, dtype=torch.float64), features], 1)
    dependent = dependent_columns(Rows(features, normal(50)))
    kept = [0] + [j + 1 for j in range(size) if j not in dependent]
    assert len(kept) == torch.linalg.matrix_rank(extended) == torch.linalg.matrix_rank(extended[:, kept])


@pytest.mark.parametrize("exponent", [-1000, -540, 500])
def test_dependence_is_seen_in_any_unit(exponent: int):
    """Squares of these numbers are no numbers of float64."""
    features, dependent = with_dependent_columns()
    unit = 2.0**exponent
    rows = Rows(features * torch.tensor([1, unit, 1, 1, 1, 1, unit], dtype=torch.float64), normal(40))
    assert dependent_columns(rows) == dependent


def test_single_precision_is_judged_by_its_own_last_place():
    """A sum that float32 rounds depends; the same columns in float64 are independent by that rounding."""
    x = normal(40, 2, seed=7).float()
    features = torch.cat([x, x.sum(1, keepdim=True)], 1)
    assert dependent_columns(Rows(features, normal(40))) == (2,)
    assert dependent_columns(Rows(features.double(), normal(40))) == ()
    features[:, 2] *= 1 + 1e-5 * normal(40, seed=8).float()
    assert dependent_columns(Rows(features, normal(40))) == ()


def test_chunks_processes_order_and_copies_of_rows_change_nothing():
    features, dependent = with_dependent_columns()
    features = (features - features.mean(0)) / features.std(0).clamp_min(1e-300)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    for x in (features, features[order], features.repeat(3, 1)):
        assert dependent_columns(Rows(x, normal(len(x)), chunk_rows=7)) == dependent
    for shares in ((0, 40), (17, 20, 40)):
        begins = (0, *shares)

        def work(rank: int, reduction: Reduction, begins: tuple[int, ...] = begins) -> tuple[int, ...]:
            part = slice(begins[rank], begins[rank + 1])
            return dependent_columns(Rows(features[part], normal(40)[part], reduction, chunk_rows=7))

        assert set(in_processes(len(shares), work)) == {dependent}


def test_a_sum_whose_terms_differ_in_one_row_is_no_dependence():
    """However much larger another row is: the negative control of judging row by row."""
    features = normal(20, 2)
    features = torch.cat([features, features.sum(1, keepdim=True)], 1)
    assert dependent_columns(Rows(features, normal(20))) == (2,)
    features[0] = torch.tensor([1e17, -3e17, -2e17])
    features[5, 2] += 1e-3
    b = torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64)
    assert (features @ b).norm() < 1e-17 * (features.abs() @ b.abs()).norm(), "in the mean square of all rows it is one"
    assert dependent_columns(Rows(features, normal(20))) == ()


def test_many_more_features_than_rows_are_named_at_once():
    """Elimination over all of them took more than a minute."""
    rows = Rows(normal(60, 1500), normal(60))
    assert dependent_columns(rows) == tuple(range(59, 1500))
