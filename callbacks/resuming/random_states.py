"""The random generators, which Lightning's checkpoints leave out."""

import random
from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor


class RandomStates(Callback):
    """Keeps the states of Python's, numpy's and torch's generators in every checkpoint, and sets them on resume.

    The data modules of this project do without: what is random about their batches depends on (seed, epoch, batch). Any
    other loader that shuffles, or a model that draws, continues only so as if it had not been interrupted. Each process
    has states of its own. Put it last among the callbacks.
    """

    KEY = "random_states"

    def __init__(self) -> None:
        self._loaded: list[dict[str, Tensor]] = []

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        own = random_states(pl_module.device)
        if trainer.world_size == 1:
            checkpoint[self.KEY] = [own]
            return
        # As bytes, in one message.
        parts = [state.reshape(-1).view(torch.uint8) for state in own.values()]
        shared = trainer.strategy.all_gather(torch.cat(parts).to(pl_module.device, non_blocking=True)).cpu()
        checkpoint[self.KEY] = [
            {
                name: part.clone().view(state.dtype).view(state.shape)
                for (name, state), part in zip(own.items(), states.split([len(part) for part in parts]), strict=True)
            }
            for states in shared
        ]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint.get(self.KEY, [])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Not as soon as they are loaded: Lightning starts every `DataLoader` once to see if it can, which draws a number."""
        states, self._loaded = self._loaded, []
        if not states:
            return
        if len(states) != trainer.world_size:
            rank_zero_warn(
                f"the checkpoint has random states of another number of processes, {len(states)} and not {trainer.world_size}: "
                "they do not carry over, so what a model or a loader of your own draws differs from the uninterrupted run"
            )
            return
        try:
            set_random_states(states[trainer.global_rank])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"the random states of the checkpoint are of another form than this version writes ({error}): take another one"
            ) from error
        # The loader of the next epoch was started before; had the run not been interrupted, it would be started now.
        iter(trainer.train_dataloader or ())


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of this process's generators as tensors of fixed shape: a checkpoint that holds nothing else loads safely."""
    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = cast(tuple[str, Any, int, int, float], np.random.get_state(legacy=True))
    assert (version, name) == (3, "MT19937")
    states = {
        "python": torch.tensor(internal, dtype=torch.int64),
        "python_gauss": torch.tensor([float(gauss is not None), gauss or 0.0], dtype=torch.float64),
        "numpy": torch.tensor([*keys.tolist(), position, has_gauss], dtype=torch.int64),
        "numpy_gauss": torch.tensor(cached, dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    return states | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def set_random_states(states: dict[str, Tensor]) -> None:
    """Set this process's generators to what `random_states` returned."""
    has_gauss, gauss = states["python_gauss"].tolist()
    random.setstate((3, tuple(states["python"].tolist()), gauss if has_gauss else None))
    *keys, position, numpy_has_gauss = states["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, np.uint32), position, numpy_has_gauss, float(states["numpy_gauss"])))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
