"""A look at a model that leaves no trace in its training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning import LightningModule


@contextmanager
def frozen(pl_module: LightningModule) -> Iterator[None]:
    """No gradients, every module in evaluation mode, every random generator left as it was found."""
    modes = [(module, module.training) for module in pl_module.modules()]
    pl_module.eval()
    # A DataLoader draws a seed for its workers each time it starts.
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        yield
    for module, training in modes:
        module.training = training
