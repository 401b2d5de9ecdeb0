"""The settings that make a run the one it is, and not another."""

import zlib
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

# Of each part of the data.
ROWS_LOOKED_AT = 4096


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
            self._rows = checksum_of_rows(getattr(trainer, "datamodule", None))
        checkpoint[self.KEY] = {"settings": self.settings, "rows": self._rows}


def checksum_of_rows(data: Any) -> int:
    """Of what a data module serves for training, validation and test; 0 if it does not say.

    Up to 4096 rows of each part are looked at, evenly spread, and how many there are: a file that was edited, sorted or
    extended gives another number, unless the change is a few rows of a large table. Real numbers count by seven digits,
    so that the last bits, in which one machine's scaling may differ from another's, do not.
    """
    checksum = 0
    for name, split in getattr(data, "splits", {}).items():
        checksum = zlib.crc32(f"{name} {len(split[1])}".encode(), checksum)
        for values in split:
            some = values[:: max(1, len(values) // ROWS_LOOKED_AT)]
            digits = some.float() if some.is_floating_point() else some
            checksum = zlib.crc32(digits.contiguous().numpy().tobytes(), checksum)
    return checksum
