"""Designs of which few columns count, with targets of every family that a penalty path is tested on."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import (
    Bernoulli,
    Categorical,
    ComplementaryLogLog,
    Family,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Poisson,
    Probit,
    Tweedie,
)

Array = NDArray[np.float64]
FAMILIES: dict[str, Callable[[], Family]] = {
    "gaussian": lambda: Gaussian(1),
    "bernoulli": Bernoulli,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": lambda: Tweedie(1.5),
    "negative binomial": lambda: NegativeBinomial(0.5),
    "probit": Probit,
    "cloglog": ComplementaryLogLog,
    "two targets": lambda: Gaussian(2),
    "three classes": lambda: Categorical(3),
}
WITHOUT_GAP = {"tweedie", "probit", "cloglog"}


def design(kind: str, rows: int = 60, columns: int = 12, seed: int = 0) -> tuple[Array, Array]:
    """Correlated features in units of their own, and targets of which the first three tell something."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(rows, columns)) + 0.7 * rng.normal(size=(rows, 1))) * rng.uniform(0.5, 2, columns)
    z = 0.4 + x[:, :3] @ [0.6, -0.5, 0.3]
    match kind:
        case "gaussian":
            return x, z + rng.normal(size=rows)
        case "two targets":
            return x, np.stack([z, -z], 1) + rng.normal(size=(rows, 2))
        case "three classes":
            return x, (np.stack([z, -z, 0 * z], 1) + rng.gumbel(size=(rows, 3))).argmax(1)
        case "poisson" | "negative binomial":
            return x, rng.poisson(np.exp(z)).astype(float)
        case "gamma" | "tweedie":
            return x, rng.gamma(2.0, np.exp(z) / 2) + 0.01
    return x, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


def objective_of(kind: str, x: Array, y: Array, l2: float = 0.0, **terms: object) -> GLMObjective:
    """The loss of a family on these rows."""
    given = {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in terms.items()}
    return GLMObjective(FAMILIES[kind](), torch.from_numpy(x), torch.from_numpy(y), l2, **given)  # type: ignore[arg-type]
