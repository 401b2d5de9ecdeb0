"""That a method is done, which Lightning's checkpoints leave out."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class StopDecision(Callback):
    """Keeps in every checkpoint whether the run was to stop; why, the method's own state says.

    A run that is killed after its last step and resumed would otherwise take one step more.
    """

    def __init__(self) -> None:
        self._was_to_stop = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["stop"] = {"should_stop": bool(trainer.should_stop)}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._was_to_stop = checkpoint.get("stop", {}).get("should_stop", False)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._was_to_stop:
            trainer.should_stop, self._was_to_stop = True, False
