"""The damping of a network is each tensor's own: how far the first layers move does not hang on what the last ones bend by."""

import pytest
import torch
from torch import Tensor

from lightning_modules.optimizers.running_model import RunningModel
from lightning_modules.optimizers.running_state import RunningState

SIZES = (3, 2, 4)
CURVATURE = torch.tensor([1.0, 2.0, 6.0, 1e-6, 3e-6, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
GRADIENT = torch.tensor([1.0, -1.0, 2.0, 1e-3, -2e-3, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)


def direction(curvature: Tensor, gradient: Tensor, sizes: tuple[int, ...] | None = SIZES, of_network: bool = True) -> Tensor:
    # After so many updates the average has forgotten that it began at 0.
    state = RunningState(steps=10_000, updates=10_000, curvature=curvature.clone())
    return RunningModel(state, 0.9, 4, "ggn", of_network=of_network, sizes=sizes).newton(gradient)


def test_each_tensor_is_damped_by_a_tenth_of_its_own_mean() -> None:
    found = direction(CURVATURE, GRADIENT)
    parts = zip(GRADIENT.split(SIZES), CURVATURE.split(SIZES), (3.0, 2e-6, None), strict=True)
    expected = [torch.zeros_like(g) if mean is None else -g / (v + 0.1 * mean).sqrt() for g, v, mean in parts]
    torch.testing.assert_close(found, torch.cat(expected), rtol=1e-12, atol=0.0)


def test_a_tensor_without_curvature_takes_the_mean_of_all() -> None:
    gradient = GRADIENT.clone()
    gradient[-1] = 5.0
    torch.testing.assert_close(direction(CURVATURE, gradient)[-1], -5.0 / (0.1 * CURVATURE.mean()).sqrt())


@pytest.mark.parametrize("size", [1e-4, 1e4])
def test_the_scale_of_one_tensor_is_nothing_to_the_others(size: float) -> None:
    """In other units of the loss's dependence on it, slopes are `size` times as large and curvatures its square."""
    scaled = torch.ones(len(CURVATURE), dtype=torch.float64)
    scaled[:3] = size
    before, after = direction(CURVATURE, GRADIENT), direction(CURVATURE * scaled**2, GRADIENT * scaled)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=0.0)
    # By one mean for all of them it is not so.
    before, after = (direction(CURVATURE * s**2, GRADIENT * s, None) for s in (torch.ones_like(scaled), scaled))
    assert not torch.allclose(after[3:5], before[3:5], rtol=0.5)


def test_any_other_loss_is_damped_by_the_mean_of_all() -> None:
    torch.testing.assert_close(direction(CURVATURE, GRADIENT, of_network=False), -GRADIENT / (CURVATURE + CURVATURE.mean()))
