"""The nonlinear regressions of NIST's Statistical Reference Datasets, with certified parameters.

Models by the names and formulas that stand in the files' headers. Starts, certified values and data are read from the files.
Source: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, exp

# f(b, x): parameters (p,) and predictors (n,), or (n, 2) of Nelson, -> responses (n,).
Model = Callable[[Tensor, Tensor], Tensor]


def _rational(degree: int) -> Model:
    """Numerator with `degree` + 1 coefficients, denominator with `degree` and a leading 1."""

    def model(b: Tensor, x: Tensor) -> Tensor:
        powers = x[:, None] ** torch.arange(degree + 1, dtype=x.dtype)
        return powers @ b[: degree + 1] / (1 + powers[:, 1:] @ b[degree + 1 :])

    return model


def _gauss(b: Tensor, x: Tensor) -> Tensor:
    decay = b[0] * exp(-b[1] * x)
    return decay + b[2] * exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * exp(-((x - b[6]) ** 2) / b[7] ** 2)


def _enso(b: Tensor, x: Tensor) -> Tensor:
    year, second, third = 2 * math.pi * x / 12, 2 * math.pi * x / b[3], 2 * math.pi * x / b[6]
    annual = b[0] + b[1] * year.cos() + b[2] * year.sin()
    return annual + b[4] * second.cos() + b[5] * second.sin() + b[7] * third.cos() + b[8] * third.sin()


def _lanczos(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x)


def _chwirut(b: Tensor, x: Tensor) -> Tensor:
    return exp(-b[0] * x) / (b[1] + b[2] * x)


def _saturating(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * (1 - exp(-b[1] * x))


MODELS: dict[str, Model] = {
    "Misra1a": _saturating,
    "Chwirut2": _chwirut,
    "Chwirut1": _chwirut,
    "Lanczos3": _lanczos,
    "Gauss1": _gauss,
    "Gauss2": _gauss,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Kirby2": _rational(2),
    "Hahn1": _rational(3),
    "Nelson": lambda b, x: b[0] - b[1] * x[:, 0] * exp(-b[2] * x[:, 1]),
    "MGH17": lambda b, x: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Lanczos1": _lanczos,
    "Lanczos2": _lanczos,
    "Gauss3": _gauss,
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Roszman1": lambda b, x: b[0] - b[1] * x - torch.arctan(b[2] / (x - b[3])) / math.pi,
    "ENSO": _enso,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "Thurber": _rational(3),
    "BoxBOD": _saturating,
    "Rat42": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)),
    "MGH10": lambda b, x: b[0] * exp(b[1] / (x + b[2])),
    "Eckerle4": lambda b, x: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Rat43": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
}


@dataclass(frozen=True)
class NistProblem:
    """One regression.

    Attributes:
        name: of the data set.
        model: f(b, x).
        x: predictors (n,) or (n, 2), float64.
        y: responses (n,).
        starts: the two starting points (2, p), the first the harder one.
        certified: parameters (p,), to eleven digits.
        sum_of_squares: the certified one.
    """

    name: str
    model: Model
    x: Tensor
    y: Tensor
    starts: Tensor
    certified: Tensor
    sum_of_squares: float

    def residuals(self, b: Tensor) -> Tensor:
        """f(b, x) − y: (p,) -> (n,)."""
        return self.model(b, self.x) - self.y

    def digits(self, b: Tensor) -> float:
        """−log₁₀ of the largest relative error of a parameter (p,), at most the 11 that are certified; 0 if none is right."""
        error = float(((b.double() - self.certified) / self.certified).abs().max())
        return 0.0 if not error < 1 else min(11.0, -math.log10(max(error, 1e-11)))


def nist_problem(data_dir: str | Path, name: str) -> NistProblem:
    """Read one problem from `<data_dir>/nist/<name>.dat`.

    Raises:
        OSError: the file is not there.
    """
    lines = (Path(data_dir) / "nist" / f"{name}.dat").read_text().splitlines()
    header = "\n".join(lines[:60])
    values = np.array(
        [[float(number) for number in found.split()] for found in re.findall(r"^\s*b\d+ =\s+(.*)$", header, re.M)]
    )
    sum_of_squares = re.search(r"Residual Sum of Squares:\s+(\S+)", header)
    assert sum_of_squares is not None
    rows: NDArray[np.float64] = np.array([[float(number) for number in line.split()] for line in lines[60:] if line.strip()])
    y, x = torch.tensor(rows[:, 0]), torch.tensor(rows[:, 1:])
    if name == "Nelson":
        y = y.log()
    else:
        x = x[:, 0]
    return NistProblem(
        name,
        MODELS[name],
        x,
        y,
        torch.tensor(values[:, :2].T.copy()),
        torch.tensor(values[:, 2]),
        float(sum_of_squares[1]),
    )
