"""Checkpoints of models trained for a step or two."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from lightning_modules import MLP, ObjectiveModule
from lightning_modules.optimizers import Newton
from tests.training import make_model, make_trainer

ADAM = partial(torch.optim.Adam, lr=0.01)


def train(folder: Path, data: Any, model: ObjectiveModule | None = None, **options: Any) -> tuple[str, ObjectiveModule]:
    """(path of a checkpoint, the model as it was then)."""
    model = model or make_model(data, Newton)
    trainer = make_trainer(3, **options)
    trainer.fit(model, data)
    trainer.save_checkpoint(folder / "trained.ckpt")
    return str(folder / "trained.ckpt"), model


def make_mlp(data: Any, **options: Any) -> MLP:
    """A small network that suits the data."""
    torch.manual_seed(0)
    loss = {} if data.num_classes else {"loss": "mse"}
    return MLP([data.num_features, 5, 5, data.num_classes or data.num_targets], **loss, **options, optimizer=ADAM)
