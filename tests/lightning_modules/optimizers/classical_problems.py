"""The unconstrained problems by which methods have been compared since 1981, as sums of squared residuals.

Source: J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software (1981); numbers, starts and
minima are theirs. Minima are of Σ r_i², where several are known, all of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, exp


@dataclass(frozen=True)
class ClassicalProblem:
    """One problem.

    Attributes:
        residuals: (p,) -> (m,).
        start: (p,).
        minima: sums of squares at the minimisers that are known, the global one first.
    """

    residuals: Callable[[Tensor], Tensor]
    start: tuple[float, ...]
    minima: tuple[float, ...] = (0.0,)


def _numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _to(count: int, first: int = 1) -> Tensor:
    return torch.arange(first, first + count, dtype=torch.float64)


def _helix(x: Tensor) -> Tensor:
    angle = torch.atan(x[1] / x[0]) / (2 * math.pi) + torch.where(x[0] < 0, 0.5, 0.0)
    return torch.stack([10 * (x[2] - 10 * angle), 10 * ((x[0] ** 2 + x[1] ** 2).sqrt() - 1), x[2]])


BARD = _numbers(0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
GAUSS = _numbers(0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989)
GAUSS = torch.cat([GAUSS, GAUSS[:-1].flip(0)])
MEYER = _numbers(
    34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872
)  # fmt: skip
KOWALIK_Y = _numbers(0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246)
KOWALIK_U = _numbers(4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
OSBORNE_1 = _numbers(
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603, 0.580,
    0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
)  # fmt: skip
OSBORNE_2 = _numbers(
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616, 0.606, 0.602,
    0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375,
    0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591,
    0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
)  # fmt: skip


def _bard(x: Tensor) -> Tensor:
    u = _to(15)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + torch.minimum(u, v) * x[2]))


def _gulf(x: Tensor) -> Tensor:
    t = _to(99) / 100
    y = 25 + (-50 * t.log()) ** (2 / 3)
    return exp(-((y - x[1]).abs() ** x[2]) / x[0]) - t


def _brown_dennis(x: Tensor) -> Tensor:
    t = _to(20) / 5
    return (x[0] + t * x[1] - exp(t)) ** 2 + (x[2] + x[3] * t.sin() - t.cos()) ** 2


def _peaks(x: Tensor, t: Tensor) -> Tensor:
    total = torch.zeros_like(t)
    for k in range(3):
        total = total + x[1 + k] * exp(-((t - x[8 + k]) ** 2) * x[5 + k])
    return total


def _watson(x: Tensor) -> Tensor:
    t, j = _to(29)[:, None] / 29, _to(len(x), 0)
    rate = (j[1:] * x[1:] * t ** (j[1:] - 1)).sum(1)
    rows = rate - (x * t**j).sum(1) ** 2 - 1
    return torch.cat([rows, torch.stack([x[0], x[1] - x[0] ** 2 - 1])])


def _penalty_2(x: Tensor) -> Tensor:
    n, a = len(x), 1e-5**0.5
    i = _to(n - 1, 2)
    y = exp(i / 10) + exp((i - 1) / 10)
    tenth = exp(x / 10)
    first = a * (tenth[1:] + tenth[:-1] - y)
    second = a * (tenth[1:] - math.exp(-0.1))
    last = (_to(n).flip(0) * x**2).sum() - 1
    return torch.cat([x[:1] - 0.2, first, second, last[None]])


def _trigonometric(x: Tensor) -> Tensor:
    n = len(x)
    return n - x.cos().sum() + _to(n) * (1 - x.cos()) - x.sin()


def _brown_almost_linear(x: Tensor) -> Tensor:
    n = len(x)
    return torch.cat([x[:-1] + x.sum() - (n + 1), x.prod()[None] - 1])


def _padded(x: Tensor) -> Tensor:
    return torch.cat([x.new_zeros(1), x, x.new_zeros(1)])


def _boundary_value(x: Tensor) -> Tensor:
    h, y = 1 / (len(x) + 1), _padded(x)
    t = _to(len(x)) * h
    return 2 * x - y[:-2] - y[2:] + h**2 * (x + t + 1) ** 3 / 2


def _integral_equation(x: Tensor) -> Tensor:
    h = 1 / (len(x) + 1)
    t = _to(len(x)) * h
    cubes = (x + t + 1) ** 3
    below = torch.stack([(t[: i + 1] * cubes[: i + 1]).sum() for i in range(len(x))])
    above = torch.stack([((1 - t[i + 1 :]) * cubes[i + 1 :]).sum() for i in range(len(x))])
    return x + h * ((1 - t) * below + t * above) / 2


def _broyden_tridiagonal(x: Tensor) -> Tensor:
    y = _padded(x)
    return (3 - 2 * x) * x - y[:-2] - 2 * y[2:] + 1


def _broyden_banded(x: Tensor) -> Tensor:
    bands = [x[max(0, i - 5) : i + 2] for i in range(len(x))]
    sums = torch.stack([(band * (1 + band)).sum() for band in bands]) - x * (1 + x)
    return x * (2 + 5 * x**2) + 1 - sums


def _chebyquad(x: Tensor) -> Tensor:
    before, now, rows = torch.ones_like(x), 2 * x - 1, []
    for i in range(1, len(x) + 1):
        rows.append(now.mean() - (-1 / (i**2 - 1) if i % 2 == 0 else 0.0))
        before, now = now, 2 * (2 * x - 1) * now - before
    return torch.stack(rows)


def _pairs(function: Callable[..., Tensor], width: int) -> Callable[[Tensor], Tensor]:
    """The same residuals of every so many parameters."""
    return lambda x: torch.cat([function(part) for part in x.split(width)])


def _rosenbrock(x: Tensor) -> Tensor:
    return torch.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def _powell(x: Tensor) -> Tensor:
    return torch.stack(
        [x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, 10**0.5 * (x[0] - x[3]) ** 2]
    )  # fmt: skip


def _wood(x: Tensor) -> Tensor:
    return torch.stack(
        [
            10 * (x[1] - x[0] ** 2), 1 - x[0], 90**0.5 * (x[3] - x[2] ** 2), 1 - x[2],
            10**0.5 * (x[1] + x[3] - 2), (x[1] - x[3]) / 10**0.5,
        ]
    )  # fmt: skip


def _biggs(x: Tensor) -> Tensor:
    t = _to(13) / 10
    y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
    return x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y


def _freudenstein_roth(x: Tensor) -> Tensor:
    return torch.stack([-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])


def _linear_rank_1(x: Tensor) -> Tensor:
    return _to(10) * (_to(len(x)) * x).sum() - 1


def _linear_rank_1_with_zeros(x: Tensor) -> Tensor:
    middle = _to(8) * (_to(len(x) - 2, 2) * x[1:-1]).sum() - 1
    return torch.cat([x.new_full((1,), -1.0), middle, x.new_full((1,), -1.0)])


def _variably_dimensioned(x: Tensor) -> Tensor:
    s = (_to(len(x)) * (x - 1)).sum()
    return torch.cat([x - 1, torch.stack([s, s**2])])


TENTH = _to(10) / 10
PROBLEMS: dict[str, ClassicalProblem] = {
    "Rosenbrock": ClassicalProblem(_rosenbrock, (-1.2, 1.0)),
    "Freudenstein and Roth": ClassicalProblem(_freudenstein_roth, (0.5, -2.0), (0.0, 48.98425)),
    "Powell badly scaled": ClassicalProblem(
        lambda x: torch.stack([1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001]), (0.0, 1.0)
    ),
    "Brown badly scaled": ClassicalProblem(
        lambda x: torch.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]), (1.0, 1.0)
    ),
    "Beale": ClassicalProblem(
        lambda x: _numbers(1.5, 2.25, 2.625) - x[0] * (1 - x[1] ** _to(3)), (1.0, 1.0)
    ),
    "Jennrich and Sampson": ClassicalProblem(
        lambda x: 2 + 2 * _to(10) - (exp(_to(10) * x[0]) + exp(_to(10) * x[1])), (0.3, 0.4), (124.3621824,)
    ),
    "helical valley": ClassicalProblem(_helix, (-1.0, 0.0, 0.0)),
    "Bard": ClassicalProblem(_bard, (1.0, 1.0, 1.0), (8.214877e-3,)),
    "Gaussian": ClassicalProblem(
        lambda x: x[0] * exp(-x[1] * ((8 - _to(15)) / 2 - x[2]) ** 2 / 2) - GAUSS, (0.4, 1.0, 0.0), (1.127933e-8,)
    ),
    "Meyer": ClassicalProblem(
        lambda x: x[0] * exp(x[1] / (45 + 5 * _to(16) + x[2])) - MEYER, (0.02, 4000.0, 250.0), (87.94585,)
    ),
    "Gulf": ClassicalProblem(_gulf, (5.0, 2.5, 0.15)),
    "Box": ClassicalProblem(
        lambda x: exp(-TENTH * x[0]) - exp(-TENTH * x[1]) - x[2] * (exp(-TENTH) - exp(-10 * TENTH)), (0.0, 10.0, 20.0)
    ),
    "Powell singular": ClassicalProblem(_powell, (3.0, -1.0, 0.0, 1.0)),
    "Wood": ClassicalProblem(_wood, (-3.0, -1.0, -3.0, -1.0)),
    "Kowalik and Osborne": ClassicalProblem(
        lambda x: KOWALIK_Y - x[0] * (KOWALIK_U**2 + KOWALIK_U * x[1]) / (KOWALIK_U**2 + KOWALIK_U * x[2] + x[3]),
        (0.25, 0.39, 0.415, 0.39), (3.075056e-4,),
    ),
    "Brown and Dennis": ClassicalProblem(_brown_dennis, (25.0, 5.0, -5.0, -1.0), (85822.2016,)),
    "Osborne 1": ClassicalProblem(
        lambda x: OSBORNE_1 - (x[0] + x[1] * exp(-10 * _to(33, 0) * x[3]) + x[2] * exp(-10 * _to(33, 0) * x[4])),
        (0.5, 1.5, -1.0, 0.01, 0.02), (5.464895e-5,),
    ),
    "Biggs": ClassicalProblem(_biggs, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), (0.0, 5.65565e-3)),
    "Osborne 2": ClassicalProblem(
        lambda x: OSBORNE_2 - (x[0] * exp(-_to(65, 0) / 10 * x[4]) + _peaks(x, _to(65, 0) / 10)),
        (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), (4.013774e-2,),
    ),
    "Watson 6": ClassicalProblem(_watson, (0.0,) * 6, (2.287670e-3,)),
    "Watson 9": ClassicalProblem(_watson, (0.0,) * 9, (1.399760e-6,)),
    "Watson 12": ClassicalProblem(_watson, (0.0,) * 12, (4.722381e-10,)),
    "extended Rosenbrock": ClassicalProblem(_pairs(_rosenbrock, 2), (-1.2, 1.0) * 5),
    "extended Powell": ClassicalProblem(_pairs(_powell, 4), (3.0, -1.0, 0.0, 1.0) * 3),
    "penalty I": ClassicalProblem(
        lambda x: torch.cat([1e-5**0.5 * (x - 1), ((x**2).sum() - 0.25)[None]]), tuple(range(1, 11)), (7.087651e-5,)
    ),
    "penalty II": ClassicalProblem(_penalty_2, (0.5,) * 10, (2.936605e-4,)),
    "variably dimensioned": ClassicalProblem(_variably_dimensioned, tuple(1 - j / 10 for j in range(1, 11))),
    "trigonometric": ClassicalProblem(_trigonometric, (0.1,) * 10, (0.0, 2.795056e-5)),
    "Brown almost linear": ClassicalProblem(_brown_almost_linear, (0.5,) * 10, (0.0, 1.0)),
    "boundary value": ClassicalProblem(_boundary_value, tuple(j / 11 * (j / 11 - 1) for j in range(1, 11))),
    "integral equation": ClassicalProblem(_integral_equation, tuple(j / 11 * (j / 11 - 1) for j in range(1, 11))),
    "Broyden tridiagonal": ClassicalProblem(_broyden_tridiagonal, (-1.0,) * 10),
    "Broyden banded": ClassicalProblem(_broyden_banded, (-1.0,) * 10),
    "linear, full rank": ClassicalProblem(
        lambda x: torch.cat([x - x.sum() / 5 - 1, (-x.sum() / 5 - 1).expand(5)]), (1.0,) * 5, (5.0,)
    ),
    "linear, rank 1": ClassicalProblem(_linear_rank_1, (1.0,) * 5, (90 / 42,)),
    "linear, rank 1 with zeros": ClassicalProblem(_linear_rank_1_with_zeros, (1.0,) * 5, (124 / 34,)),
    "Chebyquad 8": ClassicalProblem(_chebyquad, tuple(j / 9 for j in range(1, 9)), (3.516874e-3,)),
    "Chebyquad 9": ClassicalProblem(_chebyquad, tuple(j / 10 for j in range(1, 10))),
    "Chebyquad 10": ClassicalProblem(_chebyquad, tuple(j / 11 for j in range(1, 11)), (4.772714e-3, 6.503955e-3)),
}  # fmt: skip
