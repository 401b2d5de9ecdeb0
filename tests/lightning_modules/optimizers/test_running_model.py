"""Diagonal Newton on mini-batches against its recursion, written out in numpy."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.optimizers import DiagonalNewton
from tests.lightning_modules.optimizers.quadratic_samples import (
    SIZE,
    Quadratic,
    QuadraticCurvature,
    QuadraticPoint,
    constant,
    start,
    steps_of,
    wandering,
)

Array = NDArray[np.float64]


class Slope(Quadratic):
    """The same gradient everywhere, whatever the curvature says."""

    def value(self, theta: Tensor) -> Tensor:
        return -self.linear @ theta

    def gradient(self, theta: Tensor) -> Tensor:
        return -self.linear


def turning(steps: int) -> list[Quadratic]:
    """One slope for half of the time, so that the direction gathers momentum, then a lesser one the other way."""
    slopes = [10.0] * (steps // 2) + [-8.0] * (steps - steps // 2)
    eye = torch.eye(SIZE, dtype=torch.float64)
    return [Slope(eye, torch.full((SIZE,), -slope, dtype=torch.float64)) for slope in slopes]


@dataclass
class Settings:
    lr: float = 1.0
    momentum: float = 0.9
    refresh: int = 4
    decay: float = 0.0
    of_network: bool = False
    rows: int = 0


def recursion(samples: list[Quadratic], theta: Array, settings: Settings, restart: bool = True) -> tuple[list[Array], int]:
    """θ after each step, and how often the direction was thrown away for leading uphill."""
    v, p, q, b, m, reach, gone = np.zeros(SIZE), np.zeros(SIZE), np.zeros(SIZE), 0.0, 0.0, 0.0, 0.0
    updates, restarts, iterates, norm = 0, 0, [], 0.0
    share = min(0.1, settings.rows / 200) if settings.rows else 0.1
    for t, sample in enumerate(samples):
        c, g, last = sample.matrix.numpy(), sample.at(torch.tensor(theta)).gradient.numpy(), q
        fresh = t % settings.refresh == 0 or t < 2 * settings.refresh
        if fresh:
            updates += 1
            v = 0.95 * v + 0.05 * np.diag(c)
        corrected = v / (1 - 0.95**updates)
        mu = corrected.mean() * (0.1 if settings.of_network else 1.0)
        newton = -g / (np.sqrt(corrected + mu) if settings.of_network else corrected + mu)
        length = np.sqrt(-g @ newton)
        within = length if t == 0 else min(length, 3 * reach)
        newton = newton * within / length
        reach = within if t == 0 else reach + share * (within - reach)
        p = settings.momentum * p + newton
        q = newton + settings.momentum * p
        if not settings.of_network:
            weight = max(share / settings.refresh, 1 / (t + 1))
            slope = -g @ q if t == 0 else gone * last @ c @ last - g @ last
            b, m = b + weight * (slope - b), m + weight * (q @ c @ q + mu * q @ q - m)
        else:
            told = min(1.0, settings.rows / 200) if settings.rows else 1.0
            norm = np.linalg.norm(q) if t == 0 else norm + share * told * (np.linalg.norm(q) - norm)
            q = q / norm
        if settings.of_network and fresh:
            before = b / m if t else 0.0
            b, m = b + share * (-g @ q - b), m + share * (q @ c @ q - m)
            if b <= 0 and restart:
                restarts += 1
                p, q = newton, (newton + settings.momentum * newton) / norm
                b, m = -g @ q, q @ c @ q
            m = max(m, b / (2 * before)) if before > 0 else m
            if t < 2 * settings.refresh and not isinstance(sample, Slope):  # a quadratic loss shows qᵀCq wherever it is tried
                m = max(m, q @ c @ q)
        gone = settings.lr * max(b / m, 0.0)
        theta = theta + gone * q - settings.lr * settings.decay * theta
        iterates.append(theta)
    return iterates, restarts


SAMPLES = {"constant": constant, "wandering": wandering, "turning": turning}


# -- The recursion ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curvature", ["ggn", "hessian"])
@pytest.mark.parametrize("lr", [1.0, 0.3])
@pytest.mark.parametrize("momentum", [0.0, 0.7, 0.99])
@pytest.mark.parametrize("refresh", [1, 4, 7])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("samples", SAMPLES)
def test_the_steps_are_those_of_the_recursion(
    samples: str, decay: float, refresh: int, momentum: float, lr: float, curvature: Any
) -> None:
    given = {"lr": lr, "momentum": momentum, "refresh": refresh, "curvature": curvature, "weight_decay": decay}
    check(SAMPLES[samples](60), Settings(lr, momentum, refresh, decay), **given)


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_of_few_rows_more_samples_make_an_average(rows: int, samples: str) -> None:
    drawn = SAMPLES[samples](60)
    for sample in drawn:
        sample.num_rows = rows
    check(drawn, Settings(rows=rows))


def check(samples: list[Quadratic], settings: Settings, **given: Any) -> None:
    """The iterates of a method with what it is given are those of the recursion."""
    expected, _ = recursion(samples, start().detach().numpy(), settings)
    parameter = start()
    for found, theta in zip(steps_of(DiagonalNewton([parameter], **given), parameter, samples), expected, strict=True):
        torch.testing.assert_close(found, torch.tensor(theta), rtol=1e-9, atol=1e-9)


def test_a_turned_gradient_counts_for_more_where_the_direction_looks_a_step_ahead() -> None:
    """d = 10 and then −8: along p = 10β − 8 it still leads uphill, along q = βp − 8 not any more."""
    samples, parameter = turning(2), start()
    first, second = steps_of(DiagonalNewton([parameter], refresh=1), parameter, samples)
    heavy = 0.9 * 10 - 8
    ahead = 0.9 * heavy - 8
    assert heavy > 0 > ahead, "the example tells them apart"
    assert (first < start()).all() and (second > first).all(), "against the gradient, at both steps"


@pytest.mark.parametrize(("redundant", "decay"), [(True, 1e-3), (False, 0.0)])
def test_parameters_decay_where_many_say_the_same(redundant: bool, decay: float) -> None:
    """Of a loss with one minimiser it would be moved; a network's many weights for one function are told apart by it."""
    samples, given = wandering(20), start()
    for sample in samples:
        sample.is_redundant = redundant
    expected, _ = recursion(samples, start().detach().numpy(), Settings(decay=decay, of_network=redundant))
    *_, found = steps_of(DiagonalNewton([given]), given, samples)
    torch.testing.assert_close(found, torch.tensor(expected[-1]), rtol=1e-9, atol=1e-9)
    other, _ = recursion(samples, start().detach().numpy(), Settings(decay=1e-3 - decay, of_network=redundant))
    assert not np.allclose(found, other[-1], rtol=1e-6), "negative control"


def test_a_weight_without_a_gradient_falls_to_a_third_in_a_thousand_steps() -> None:
    """What the default says of itself: no curvature, no gradient, and still it goes, at lr 1."""
    size = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    size[0, 0] = 1.0
    sample, parameter = Quadratic(size, torch.zeros(SIZE).double()), start()
    sample.is_redundant = True
    first = parameter.detach().clone()
    *_, last = steps_of(DiagonalNewton([parameter]), parameter, [sample] * 1000)
    torch.testing.assert_close(last[1:], first[1:] * (1 - 1e-3) ** 1000)
    assert 0.3 < (1 - 1e-3) ** 1000 < 0.4


def test_the_first_step_minimises_the_model_along_newtons_damped_direction() -> None:
    """No average has anything to add yet: v̂ = diag C, whatever the weight of the first sample."""
    sample, parameter = wandering(1)[0], start()
    theta, g = parameter.detach().clone(), sample.at(parameter.detach()).gradient
    diagonal = sample.matrix.diagonal()
    d = -g / (diagonal + diagonal.mean())
    along = d @ sample.matrix @ d + diagonal.mean() * (d @ d)
    (found,) = steps_of(DiagonalNewton([parameter]), parameter, [sample])
    torch.testing.assert_close(found, theta - (g @ d) / along * d, rtol=1e-12, atol=1e-14)


def test_negative_entries_of_the_hessian_count_by_their_size() -> None:
    """Divided by a negative curvature the gradient would lead uphill."""
    sample, parameter = constant(1)[0], start()
    sample.matrix = torch.tensor([2.0, -1.0, 0.5, -3.0, 1.0], dtype=torch.float64).diag()

    class Identity(QuadraticCurvature):
        """In place of the Gauss–Newton matrix."""

        def diagonal(self) -> Tensor:
            return torch.ones(SIZE, dtype=torch.float64)

        def form(self, directions: Tensor) -> Tensor:
            return directions @ directions.T

    class Split(QuadraticPoint):
        def make_curvature(self, kind: str) -> QuadraticCurvature:
            return (Identity if kind == "ggn" else QuadraticCurvature)(self, kind)

    sample.point = lambda theta: Split(sample, theta)  # type: ignore[method-assign]
    theta, g = parameter.detach().clone(), sample.at(parameter.detach()).gradient
    for curvature, diagonal in (("hessian", sample.matrix.diagonal().abs()), ("ggn", torch.ones(SIZE, dtype=torch.float64))):
        d = -g / (diagonal + diagonal.mean())
        step = -(g @ d) / ((1 + diagonal.mean()) * (d @ d)) * d  # the length is that of the Gauss–Newton model in both cases
        moved = Parameter(theta.clone())
        (found,) = steps_of(DiagonalNewton([moved], curvature=curvature), moved, [sample])  # type: ignore[arg-type]
        torch.testing.assert_close(found, theta + step, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("refresh", "updates"), [(1, 20), (4, 8 + 3), (10, 20), (7, 14 + 1)])
def test_the_curvature_is_asked_for_at_the_first_steps_and_at_every_refresh(refresh: int, updates: int) -> None:
    samples, parameter = wandering(20), start()
    list(steps_of(DiagonalNewton([parameter], refresh=refresh), parameter, samples))
    asked = [sample.diagonals for sample in samples]
    assert asked == [int(t < 2 * refresh or t % refresh == 0) for t in range(20)]
    assert sum(asked) == updates and all(sample.forms == 1 for sample in samples)


@pytest.mark.parametrize("refresh", [1, 4])
def test_a_direction_of_a_network_that_leads_uphill_on_average_is_forgotten(refresh: int) -> None:
    samples, settings = turning(200), Settings(momentum=0.999, refresh=refresh, of_network=True)
    for sample in samples:
        sample.is_redundant = True
    begin = start().detach().numpy()
    expected, restarts = recursion(samples, begin, settings)
    assert restarts == 1, "the example is one"
    stubborn, _ = recursion(samples, begin, settings, restart=False)
    assert not np.allclose(stubborn[-1], expected[-1], rtol=1e-3), "negative control"
    turned = next(t for t in range(200) if not np.allclose(stubborn[t], expected[t], rtol=1e-9))
    parameter = start()
    optimizer = DiagonalNewton([parameter], momentum=0.999, refresh=refresh, weight_decay=0.0)
    iterates = [start().detach(), *steps_of(optimizer, parameter, samples)]
    slopes = [float(samples[t].at(iterates[t]).gradient @ (iterates[t + 1] - iterates[t])) for t in range(200)]
    assert slopes[turned - 1] > 0, "the steps before it went uphill on their samples"
    assert all(slope < 0 for slope in slopes[turned:])
    torch.testing.assert_close(iterates[-1], torch.tensor(expected[-1]), rtol=1e-9, atol=1e-9)


def test_where_the_loss_no_longer_falls_along_the_direction_nothing_moves_until_it_does() -> None:
    samples, parameter = turning(200), start()
    iterates = [start().detach(), *steps_of(DiagonalNewton([parameter], momentum=0.99, refresh=1), parameter, samples)]
    moved = [bool((after != before).any()) for before, after in itertools.pairwise(iterates)]
    still = moved.index(False)
    assert 100 < still < 150 and all(moved[:still]), "the slope turns at the hundredth step"
    assert moved[-1] and (iterates[-1] > iterates[-2]).all(), "and in the end it goes the other way"


# -- Of a network ---------------------------------------------------------------------------------------------------


class Wall(Quadratic):
    """A loss that bends far more on the way than where one stands."""

    def value(self, theta: Tensor) -> Tensor:
        return super().value(theta) + 1e3 * (theta - start().detach()).square().sum().square()


def test_the_first_step_of_a_network_stops_before_a_wall_that_the_curvature_does_not_show() -> None:
    quadratic, parameter = wandering(1)[0], start()
    wall = Wall(quadratic.matrix, quadratic.linear)
    for sample in (wall, quadratic):
        sample.is_redundant = True
    (found,) = steps_of(DiagonalNewton([parameter], weight_decay=0.0), parameter, [wall])
    (blind,) = steps_of(DiagonalNewton([other := start()], weight_decay=0.0), other, [quadratic])
    first = start().detach()
    assert wall.value(found) < wall.value(first)
    assert wall.value(blind) > wall.value(first), "negative control: as far as the curvature says"


def test_the_root_makes_the_noise_of_a_network_alike_in_all_directions() -> None:
    """d = −g / √(v̂ + μ), μ a tenth of the mean: the first step is along it."""
    sample, parameter = wandering(1)[0], start()
    sample.is_redundant = True
    first, diagonal = parameter.detach().clone(), sample.matrix.diagonal()
    d = -sample.at(first).gradient / (diagonal + diagonal.mean() / 10).sqrt()
    (found,) = steps_of(DiagonalNewton([parameter], weight_decay=0.0), parameter, [sample])
    cosine = torch.nn.functional.cosine_similarity(found - first, d, dim=0)
    torch.testing.assert_close(cosine, torch.ones(()).double(), rtol=0, atol=1e-12)
