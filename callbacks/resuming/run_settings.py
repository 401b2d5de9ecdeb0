"""The settings that make a run the one it is, and not another."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class RunSettings(Callback):
    """Keeps settings, and a number that tells the data from others, in every checkpoint, so that no other run goes on from it.

    Args:
        settings: by name, plain values, which may be nested.
    """

    KEY = "run_settings"

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self._rows: int | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._rows is None:
            checksum = getattr(getattr(trainer, "datamodule", None), "rows_checksum", None)
            self._rows = checksum() if checksum is not None else None
        checkpoint[self.KEY] = {"settings": self.settings, "rows": self._rows}
