"""What a curvature method saw at each step."""

from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from callbacks.late_log import log_late
from callbacks.logging_interval import logging_interval


class CurvatureDiagnostics(Callback):
    """Logs `curvature/…`: damping, gain ratio, Newton decrement, step size, and the spectrum where it is affordable.

    It reads the `report` that the optimizer leaves of each step; a method without one logs nothing.

    Args:
        max_parameters: up to this many parameters the extreme eigenvalues and the condition number are computed at each
            logged step (a cost like that of the Newton step itself); 0 = never.
    """

    def __init__(self, max_parameters: int = 128) -> None:
        if not isinstance(max_parameters, int) or max_parameters < 0:
            raise ValueError(f"CurvatureDiagnostics(max_parameters={max_parameters!r}): give a number ≥ 0")
        self.max_parameters = max_parameters

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step - 1
        if not trainer.loggers or (step + 1) % logging_interval(trainer):
            return
        report = getattr(trainer.optimizers[0], "report", None)
        if report is None:
            return
        values = report.scalars()
        is_small = report.solver is not None and len(report.point.theta) <= self.max_parameters
        matrix = report.solver.regular_matrix() if is_small else None
        known = {name: value for name, value in values.items() if not isinstance(value, Tensor)}
        computed = {name: value for name, value in values.items() if isinstance(value, Tensor)}
        tensors = [*computed.values(), *([] if matrix is None else [matrix])]
        log_late(trainer, pl_module, step, tensors, partial(diagnostics, known, list(computed)))


def diagnostics(known: dict[str, float], names: list[str], tensors: list[Tensor]) -> dict[str, float]:
    """What is logged: numbers that were known, those that were computed (), and after them the matrix of a spectrum, if any."""
    values = known | {name: float(value) for name, value in zip(names, tensors, strict=False)}
    for matrix in tensors[len(names) :]:
        spectrum = torch.linalg.eigvalsh(matrix).tolist()
        smallest, largest = values["eigenvalue_min"], values["eigenvalue_max"] = spectrum[0], spectrum[-1]
        values["condition"] = largest / smallest if smallest > 0 else float("inf")
    return {f"curvature/{name}": value for name, value in values.items()}
