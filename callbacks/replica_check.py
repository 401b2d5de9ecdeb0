"""Whether all processes still hold the same model."""

import zlib
from collections.abc import Iterator

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor


class ReplicasDifferError(ArithmeticError):
    """Processes that must hold the same numbers do not."""


class ReplicaCheck(Callback):
    """Compares parameters, buffers and optimizer state of all processes, to the byte, after every few epochs.

    Every process makes the same decisions from the same sums, so they stay equal; faulty memory, a nondeterministic
    kernel or a model that draws random numbers makes them drift apart, and the results would be nobody's. It costs one
    message with a checksum (CRC-32) for each tensor.

    Args:
        every_n_epochs: how often.

    Raises:
        ReplicasDifferError: on all processes; names the processes and the first tensor that differ.
    """

    def __init__(self, every_n_epochs: int = 1) -> None:
        if not isinstance(every_n_epochs, int) or every_n_epochs < 1:
            raise ValueError(f"ReplicaCheck(every_n_epochs={every_n_epochs!r}): give a number ≥ 1")
        self.every_n_epochs = every_n_epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size == 1 or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        named = list(replicated(trainer, pl_module))
        # The number of tensors first: a process that holds fewer would otherwise wait for a message of another length.
        own = torch.tensor([len(named), checksum(torch.tensor([*"".join(name for name, _ in named).encode()]))])
        self._compare(trainer, pl_module, ["the number of tensors", "the names of the tensors"], own)
        sums = torch.tensor([checksum(tensor) for _, tensor in named])
        self._compare(trainer, pl_module, [name for name, _ in named], sums)

    def _compare(self, trainer: Trainer, pl_module: LightningModule, names: list[str], own: Tensor) -> None:
        gathered = trainer.strategy.all_gather(own.to(pl_module.device)).cpu()
        usual = gathered.mode(0).values  # of two the smaller, of more the one most agree on
        differing = (gathered != (gathered[0] if len(gathered) == 2 else usual)).nonzero()
        if len(differing):
            ranks = sorted(set(differing[:, 0].tolist()))
            columns = sorted(set(differing[:, 1].tolist()))
            first = names[columns[0]] + (f" and {len(columns) - 1} more" if len(columns) > 1 else "")
            raise ReplicasDifferError(
                f"after epoch {trainer.current_epoch} process {', '.join(map(str, ranks))} of {trainer.world_size} holds other "
                f"values of {first} than process {min(set(range(trainer.world_size)) - set(ranks), default=0)}: the run is "
                "stopped before its checkpoint; look for randomness in the model, or faulty hardware"
            )


def replicated(trainer: Trainer, pl_module: LightningModule) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of everything that is the same on every process: parameters, buffers, optimizer state and settings."""
    yield from pl_module.state_dict().items()
    for optimizer in trainer.optimizers:
        names = {id(p): name for name, p in pl_module.named_parameters()}
        for group in optimizer.param_groups:
            numbers = [value for _, value in sorted(group.items()) if isinstance(value, (int, float))]
            yield "the optimizer's settings", torch.tensor(numbers, dtype=torch.float64)
        for parameter, state in optimizer.state.items():
            for key, value in sorted(state.items(), key=lambda item: str(item[0])):
                yield from _tensors(f"{key} of {names[id(parameter)]} in the optimizer", value)


def _tensors(name: str, value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (int, float)):
        yield name, torch.tensor(float(value), dtype=torch.float64)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(name, part)


def checksum(tensor: Tensor) -> int:
    """CRC-32 of the bytes."""
    return zlib.crc32(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
