"""Drawn problems are what they promise to be."""

import pytest
import torch
from evidence.benchmarks.problems import bundled, drawn, shape

from lightning_modules.objectives.families import Bernoulli, Categorical


@pytest.mark.parametrize(("features", "condition"), [(10, 1e4), (10, 1e8), (100, 1e8)])
def test_the_covariance_has_the_condition_asked_for(features: int, condition: float) -> None:
    """Half of its digits from correlations: they are left when the columns have one unit."""
    x = drawn(20_000, features, condition=condition).features
    assert float(torch.linalg.cond(x.T.cov())) == pytest.approx(condition, rel=0.2)
    assert 0.1 < float(torch.linalg.cond(x.T.corrcoef())) / condition**0.5 < 2


def test_without_a_condition_features_are_independent() -> None:
    assert float(torch.linalg.cond(drawn(20_000, 10).features.T.cov())) < 1.2


@pytest.mark.parametrize(("classes", "family", "outputs"), [(2, Bernoulli, 1), (5, Categorical, 5)])
def test_labels_come_from_the_model_that_is_fitted(classes: int, family: type, outputs: int) -> None:
    """No class is rare, none is certain, and the features tell something about them."""
    problem = drawn(5000, 8, classes)
    assert isinstance(problem.family, family) and problem.family.num_outputs == outputs
    assert problem.features.shape == (5000, 8) and problem.features.dtype == torch.float64
    shares = problem.targets.bincount() / 5000
    assert len(shares) == classes and float(shares.min()) > 0.05
    means = torch.stack([problem.features[problem.targets == label].mean(0) for label in range(classes)])
    assert float((means - means.mean(0)).norm(dim=1).min()) > 0.1
    assert problem.objective().l2 == problem.l2 == 1 / 5000


def test_the_same_problem_is_drawn_again() -> None:
    assert torch.equal(drawn(50, 3).features, drawn(50, 3).features)
    assert torch.equal(drawn(50, 3).targets, drawn(50, 3).targets)


@pytest.mark.parametrize(("name", "size", "outputs"), [("breast cancer", (569, 30), 1), ("Iris", (150, 4), 3)])
def test_bundled_data_are_standardised(name: str, size: tuple[int, int], outputs: int) -> None:
    problem = bundled(name)
    assert problem.features.shape == size and problem.family.num_outputs == outputs
    assert float(problem.features.mean(0).abs().max()) < 1e-12
    assert float((problem.features.std(0, correction=0) - 1).abs().max()) < 1e-12


def test_shapes_are_read_easily() -> None:
    assert shape(1_000_000, 50) == "1 000 000 × 50"
