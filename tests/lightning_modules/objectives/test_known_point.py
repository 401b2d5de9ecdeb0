"""A point is known again by its numbers; on a device that nobody waits for, by being the same tensor."""

import pytest
import torch

from lightning_modules.objectives import known_point
from lightning_modules.objectives.known_point import KnownPoint


def test_on_the_cpu_equal_numbers_are_the_same_point() -> None:
    theta = torch.arange(3.0)
    point = KnownPoint(theta, "known")
    assert point.is_at(theta) and point.is_at(theta.clone())
    assert not point.is_at(theta + 1)
    assert not point.is_at(theta.double())


def test_on_the_cpu_a_point_changed_in_place_is_another() -> None:
    theta = torch.arange(3.0)
    point = KnownPoint(theta, "known")
    theta.data.add_(1)  # behind the back of the tensor's version
    assert not point.is_at(theta)
    assert point.is_at(torch.arange(3.0))


def test_elsewhere_the_tensor_itself_is_known_until_it_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_point, "runs_ahead", lambda tensor: True)
    theta = torch.arange(3.0)
    point = KnownPoint(theta, "known")
    assert point.is_at(theta)
    assert not point.is_at(theta.clone())
    theta.add_(1)
    assert not point.is_at(theta)
