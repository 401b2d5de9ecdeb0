"""What diagonal Newton keeps between mini-batches: stored and taken up again, and left alone by full batches."""

from pathlib import Path

import pytest
import torch
from torch.nn import Parameter

from lightning_modules.optimizers import DiagonalNewton
from tests.lightning_modules.optimizers.quadratic_samples import Quadratic, start, steps_of, wandering


@pytest.mark.parametrize("refresh", [1, 4])
@pytest.mark.parametrize("half", [1, 9, 13])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_stored_state_goes_on_to_the_last_bit(refresh: int, half: int, dtype: torch.dtype, tmp_path: Path) -> None:
    samples = [Quadratic(sample.matrix.to(dtype), sample.linear.to(dtype)) for sample in wandering(20)]
    whole = Parameter(start().detach().to(dtype))
    expected = list(steps_of(DiagonalNewton([whole], refresh=refresh), whole, samples))

    first = Parameter(start().detach().to(dtype))
    optimizer = DiagonalNewton([first], refresh=refresh)
    list(steps_of(optimizer, first, samples[:half]))
    torch.save({"optimizer": optimizer.state_dict(), "theta": first.detach()}, tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    second = Parameter(stored["theta"])
    resumed = DiagonalNewton([second], refresh=refresh)
    resumed.load_state_dict(stored["optimizer"])
    for found, theta in zip(steps_of(resumed, second, samples[half:]), expected[half:], strict=True):
        assert torch.equal(found, theta)

    third = Parameter(stored["theta"].clone())
    forgetful = list(steps_of(DiagonalNewton([third], refresh=refresh), third, samples[half:]))
    assert not torch.equal(forgetful[0], expected[half]), "so the state is what it needs"


def test_mini_batches_may_follow_full_batches() -> None:
    parameter, (whole, *samples) = start(), wandering(6)
    whole.is_sample = False
    optimizer = DiagonalNewton([parameter])
    list(steps_of(optimizer, parameter, [whole] * 3))
    for theta in steps_of(optimizer, parameter, samples):
        assert torch.isfinite(theta).all()


def test_full_batches_may_follow_mini_batches() -> None:
    parameter, (whole, *samples) = start(), wandering(6)
    optimizer = DiagonalNewton([parameter])
    list(steps_of(optimizer, parameter, samples))
    whole.is_sample = False
    losses = [float(whole.value(theta)) for theta in steps_of(optimizer, parameter, [whole] * 10)]
    assert losses == sorted(losses, reverse=True)
