"""Where diagonal Newton averages nothing: with a fixed damping, and on all rows; and what a sample cannot tell."""

import pytest
import torch

from lightning_modules.optimizers import DiagonalNewton, GradientDescent
from tests.lightning_modules.optimizers.quadratic_samples import constant, start, steps_of, wandering


@pytest.mark.parametrize("name", ["damping", "search"])
def test_a_fixed_damping_averages_nothing(name: str) -> None:
    """The plain equation on the present sample alone."""
    parameter, samples = start(), wandering(5)
    optimizer = DiagonalNewton([parameter], damping=0.3, lr=0.5, search="backtracking" if name == "search" else None)
    theta = parameter.detach().clone()
    for sample, found in zip(samples, steps_of(optimizer, parameter, samples), strict=True):
        expected = theta - 0.5 * sample.at(theta).gradient / (sample.matrix.diagonal() + 0.3)
        if name == "damping":
            torch.testing.assert_close(found, expected)
        theta = found
    assert optimizer.kept.direction is None


def test_where_all_rows_are_seen_nothing_is_averaged() -> None:
    """Negative control of `is_sample`: the loss falls at every step, as the gain ratio demands."""
    parameter, whole = start(), constant(1)[0]
    whole.is_sample = False
    optimizer, losses = DiagonalNewton([parameter]), []
    for theta in steps_of(optimizer, parameter, [whole] * 15):
        losses.append(float(whole.value(theta)))
    assert losses == sorted(losses, reverse=True)
    assert "gain_ratio" in optimizer.report.numbers()


def test_on_a_sample_a_small_gradient_means_nothing() -> None:
    """Only all rows together can tell that a point is optimal."""
    for is_sample, status in ((True, None), (False, "converged")):
        sample, parameter = constant(1)[0], start()
        with torch.no_grad():
            parameter.copy_(torch.linalg.solve(sample.matrix, sample.linear))
        sample.is_sample = is_sample
        optimizer = GradientDescent([parameter], lr=0.1)
        list(steps_of(optimizer, parameter, [sample]))
        assert optimizer.status == status
