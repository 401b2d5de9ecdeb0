"""Whether all processes still hold the same model."""

import zlib
from collections.abc import Iterator
from itertools import groupby

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

# Of a device's memory, for what is copied from there at once.
TOGETHER_BYTES = 2**26


class ReplicasDifferError(ArithmeticError):
    """Processes that must hold the same numbers do not."""


class ReplicaCheck(Callback):
    """Compares parameters, buffers and optimizer state of all processes, to the byte, after every few epochs.

    Every process makes the same decisions from the same sums, so they stay equal; faulty memory, a nondeterministic
    kernel or a model that draws random numbers makes them drift apart, and the results would be nobody's. It costs one
    message with a checksum (CRC-32) of all tensors; where these differ another with one for each.

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
        sums = checksums([tensor for _, tensor in named])
        names = "".join(name for name, _ in named)
        # Of a length that is the same on every process: one that holds fewer tensors would wait for another message.
        short = [len(named), checksum(torch.tensor([*names.encode()])), checksum(torch.tensor(sums))]
        gathered = self._of_each_process(trainer, pl_module, short)
        if bool((gathered == gathered[0]).all()):
            return
        self._refuse_others(trainer, ["the number of tensors", "the names of the tensors"], gathered[:, :2])
        self._refuse_others(trainer, [name for name, _ in named], self._of_each_process(trainer, pl_module, sums))

    def _of_each_process(self, trainer: Trainer, pl_module: LightningModule, own: list[int]) -> Tensor:
        """The numbers of each process, on the CPU: (processes, m)."""
        gathered: Tensor = trainer.strategy.all_gather(torch.tensor(own).to(pl_module.device, non_blocking=True)).cpu()
        return gathered

    def _refuse_others(self, trainer: Trainer, names: list[str], gathered: Tensor) -> None:
        """Refuse numbers (processes, m) that differ from process to process, each known by its name."""
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


def checksums(tensors: list[Tensor]) -> list[int]:
    """The checksum of each; from a device they are copied together, so that it is waited for once and not for each."""
    found: list[int] = []
    for device, group in groupby(tensors, lambda tensor: tensor.device):
        waiting: list[Tensor] = []
        for tensor in group:
            waiting.append(_bytes_of(tensor))
            if device.type == "cpu" or sum(map(len, waiting)) >= TOGETHER_BYTES:
                found += _of_together(waiting)
                waiting = []
        found += _of_together(waiting)
    return found


def checksum(tensor: Tensor) -> int:
    """CRC-32 of the bytes."""
    return checksums([tensor])[0]


def _bytes_of(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().flatten().view(torch.uint8)


def _of_together(parts: list[Tensor]) -> list[int]:
    if not parts:
        return []
    together = (parts[0] if len(parts) == 1 else torch.cat(parts)).cpu()
    return [zlib.crc32(part.numpy().tobytes()) for part in together.split([len(part) for part in parts])]
