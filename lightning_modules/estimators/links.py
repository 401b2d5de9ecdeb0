"""How the probability of two classes, or of a success, comes from the linear predictor."""

from collections.abc import Callable
from typing import Any, Literal

from lightning_modules.objectives.families import Bernoulli, ComplementaryLogLog, Family, Probit

Link = Literal["logit", "probit", "cloglog"]
LINKS: dict[str, Callable[[], Family]] = {"logit": Bernoulli, "probit": Probit, "cloglog": ComplementaryLogLog}


def check_link(estimator: Any) -> None:
    """Refuse a `link` that is none by a ValueError."""
    if estimator.link not in LINKS:
        raise ValueError(f"{type(estimator).__name__}(link={estimator.link!r}): choose one of {', '.join(map(repr, LINKS))}")
