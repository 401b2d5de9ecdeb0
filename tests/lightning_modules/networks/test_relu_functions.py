"""Tent and dead zone against the same functions written without ReLU."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softshrink

from lightning_modules.networks import dead_zone, tent

GRID = torch.linspace(-3, 3, 2401, dtype=torch.float64)  # steps of 1/400, kinks included


def values(network: torch.nn.Module, x: Tensor) -> Tensor:
    return network(x[:, None])[:, 0]


def test_tent_on_a_grid() -> None:
    x = GRID
    pieces = torch.where((x >= 0) & (x <= 0.5), 2 * x, torch.where((x > 0.5) & (x <= 1), 2 - 2 * x, 0.0))
    torch.testing.assert_close(values(tent(), x), pieces, rtol=0, atol=1e-14)


def test_tent_is_exact_at_its_corners() -> None:
    x = torch.tensor([-1e6, 0, 0.25, 0.5, 0.75, 1, 1e6], dtype=torch.float64)
    assert values(tent(), x).tolist() == [0, 0, 0.5, 1, 0.5, 0, 0]


def test_the_output_relu_makes_the_tent() -> None:
    """Negative control: without it the function goes on falling beside the tent."""
    network = tent()
    network.output_activation = torch.nn.Identity()  # type: ignore[assignment]
    assert values(network, torch.tensor([-1.0, 2.0], dtype=torch.float64)).tolist() == [-4, -4]


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_a_tent_of_tents_has_twice_the_teeth(times: int) -> None:
    network = torch.nn.Sequential(*[tent() for _ in range(times)])
    y = values(network, torch.linspace(0, 1, 2**6 + 1, dtype=torch.float64))
    slopes = y.diff().sign()
    teeth = int(((slopes[:-1] > 0) & (slopes[1:] < 0)).sum())
    assert teeth == 2 ** (times - 1)
    assert y.max() == 1


@pytest.mark.parametrize("threshold", [0, 0.3, 1.0, 2.5])
def test_dead_zone_on_a_grid(threshold: float) -> None:
    # Equality: no float64 is lost, not even for a threshold that float32 does not hold.
    assert torch.equal(values(dead_zone(threshold), GRID), softshrink(GRID, threshold))
    inside = GRID[GRID.abs() <= threshold]
    assert (values(dead_zone(threshold), inside) == 0).all()


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf")])
def test_a_threshold_is_a_half_width(threshold: float) -> None:
    with pytest.raises(ValueError, match=f"threshold={threshold}: it is the half-width of the dead zone"):
        dead_zone(threshold)


def test_the_networks_are_as_small_as_their_formulas() -> None:
    assert tent().widths == (1, 4, 1)
    assert dead_zone(1.0).widths == (1, 2, 1)
