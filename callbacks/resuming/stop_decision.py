"""That a method is done, which Lightning's checkpoints leave out."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class StopDecision(Callback):
    """Keeps in every checkpoint whether the run was to stop, and the status of its method that says why.

    A run that is killed after its last step and resumed would otherwise take one step more.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        status = getattr(trainer.optimizers[0], "status", None) if trainer.optimizers else None
        checkpoint["stop"] = {"should_stop": bool(trainer.should_stop), "status": status}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint.get("stop")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None and loaded["should_stop"]:
            trainer.should_stop = True
            trainer.optimizers[0].status = loaded["status"]  # type: ignore[attr-defined]
