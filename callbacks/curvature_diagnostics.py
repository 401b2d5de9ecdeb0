"""What a curvature method saw at each step."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

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
        values = report.numbers()
        if report.solver is not None and len(report.point.theta) <= self.max_parameters:
            extremes = report.solver.extreme_eigenvalues()
            if extremes is not None:
                smallest, largest = values["eigenvalue_min"], values["eigenvalue_max"] = extremes
                values["condition"] = largest / smallest if smallest > 0 else float("inf")
        for logger in trainer.loggers:
            logger.log_metrics({f"curvature/{name}": value for name, value in values.items()}, step)
