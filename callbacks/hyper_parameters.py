"""The settings of a run beside its results."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.summary import hparams

from callbacks.hyper_parameter_header import COLUMNS, NUMBERS, OTHER, column, header

Setting = bool | int | float | str


class HyperParameters(Callback):
    """Writes a run's settings as a line of TensorBoard's hparams tab, with the results as they come, and as `hparams.yaml`.

    The columns are the same in every run, so that runs of all data and methods stand in one table: those of
    `hyper_parameter_header.py`, and one for whatever else is set. Other loggers are given the settings as they are.

    Args:
        settings: plain values by name.
    """

    def __init__(self, settings: dict[str, Setting]) -> None:
        self.settings = settings

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for logger in trainer.loggers if stage == "fit" else ():
            if isinstance(logger, TensorBoardLogger):
                logger.hparams.update(self.settings)  # what it writes as hparams.yaml; `log_hyperparams` would draw a dot
            else:
                logger.log_hyperparams(self.settings)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _, start, _ = hparams(columns(self.settings), {})
        self._write(trainer, header(), start)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _, _, end = hparams({}, {})
        self._write(trainer, end)

    @staticmethod
    def _write(trainer: Trainer, *summaries: Summary) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                for summary in summaries:
                    logger.experiment._get_file_writer().add_summary(summary, trainer.global_step)


def columns(settings: dict[str, Setting]) -> dict[str, float | str]:
    """The settings as the table has them: each in its column, the others as text in one."""
    row: dict[str, float | str] = {}
    others = []
    for name, value in settings.items():
        if name in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
            row[column(name)] = float(value)
        elif name in COLUMNS and name not in NUMBERS:
            row[column(name)] = str(value)
        else:
            others.append(f"{name}={value}")
    return {**row, column(OTHER): ", ".join(others)} if others else row
