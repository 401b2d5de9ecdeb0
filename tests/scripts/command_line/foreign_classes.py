"""Code that a configuration can name, and that tells when it is called."""

from collections.abc import Callable
from typing import Any

import torch

CALLS: list[str] = []


def spy(*given: Any, **named: Any) -> None:
    CALLS.append(f"spy {given} {named}")


def factory(params: Any) -> torch.optim.Optimizer:
    CALLS.append("factory")
    return torch.optim.SGD(params, lr=0.1)


class Spied:
    """Of no kind that belongs anywhere, and callable."""

    def __init__(self, told: str = "") -> None:
        CALLS.append(f"Spied {told}")

    def __call__(self, *given: Any) -> None:
        CALLS.append("Spied()")

    @staticmethod
    def method(*given: Any) -> None:
        CALLS.append("Spied.method")


class OwnSGD(torch.optim.SGD):
    """An optimizer that a user wrote."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)


INSTANCE: Callable[..., Any] = Spied("as the module is imported")
CALLS.clear()
