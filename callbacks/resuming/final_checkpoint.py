"""The weights that a fit ends with, where they are not those that it would go on from."""

import logging
from pathlib import Path

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from callbacks.resuming.last_checkpoint import NAME as LAST
from callbacks.resuming.run_folder import run_folder

NAME = "final.ckpt"


class FinalCheckpoint(Checkpoint):
    """Writes `checkpoints/final.ckpt` at the end of a fit if the model then has other weights than `last.ckpt`.

    `StochasticWeightAveraging` gives the model its average when all epochs are over: that is what is tested, and no checkpoint
    of an epoch holds it. It has weights only, for predictions; a run goes on from `last.ckpt`. Put it after `LastCheckpoint`.
    """

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = run_folder(trainer) / "checkpoints"
        differ = trainer.is_global_zero and _has_other_weights(folder / LAST, pl_module)
        if trainer.strategy.broadcast(differ):
            trainer.save_checkpoint(folder / NAME, weights_only=True)
            if trainer.is_global_zero:
                logging.getLogger(__name__).info(
                    "the weights that this run ends with are not those of its last epoch; they are in %s, and what is measured "
                    "from here on is measured of them",
                    folder / NAME,
                )


def load_final(trainer: Trainer, pl_module: LightningModule) -> None:
    """Give the model the weights that its fit ended with, after a resume when all was done; every process must call it."""
    path = run_folder(trainer) / "checkpoints" / NAME
    if path.is_file():
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["global_step"] == trainer.global_step:
            pl_module.load_state_dict(content["state_dict"])


def _has_other_weights(path: Path, pl_module: LightningModule) -> bool:
    if not path.is_file():
        return False
    held, weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"], pl_module.state_dict()
    return held.keys() != weights.keys() or any(not torch.equal(held[name], weights[name].cpu()) for name in held)
