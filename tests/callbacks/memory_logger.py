"""A logger that keeps what it is given."""

from argparse import Namespace
from typing import Any

from pytorch_lightning.loggers import Logger


class MemoryLogger(Logger):
    """Values by tag: {tag: {step: value}}."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, dict[int, float]] = {}

    @property
    def name(self) -> str:
        return "memory"

    @property
    def version(self) -> int:
        return 0

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for tag, value in metrics.items():
            if tag == "epoch":  # Lightning adds it to everything
                continue
            steps = self.values.setdefault(tag, {})
            assert step is not None
            assert step not in steps, f"{tag} logged twice at step {step}"
            steps[step] = float(value)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        pass
