"""The objective of a full batch is checked, counted and factorised once, not at every step."""

from collections.abc import Callable, Hashable, Iterable

from torch import Tensor

from lightning_modules.objectives import Objective, Reduction, total_count

Batch = tuple[Tensor, ...]


class KeptObjective:
    """Gives the last objective again when the same tensors, unchanged, come again."""

    def __init__(self) -> None:
        # The batch is held as long as its objective, so that no other tensor can take its place in memory.
        self._last: tuple[Batch, list[tuple[object, ...]], Objective] | None = None

    def of(
        self,
        batch: Batch,
        make: Callable[[Batch], Objective],
        reduction: Reduction,
        held: Iterable[Tensor] = (),
        form: Hashable = True,
    ) -> Objective:
        """The objective of a batch. All processes make a new one or none does, which takes a message at every step.

        A process that alone had other rows would sum something else next, another the Hessian for example where this one sums
        its loss, and both would wait forever. That can be seen by nobody beforehand: rows may be changed in place on one
        process alone.

        Args:
            batch: the rows.
            make: the objective of them.
            reduction: sums over processes.
            held: parameters that do not train, which are constants of the loss.
            form: of the model, training or not for example, in which its loss may be another.
        """
        identity = [*(_identity(tensor) for tensor in (*batch, *held)), (form,)]
        is_new = self._last is None or self._last[1] != identity
        if total_count(int(is_new), reduction, batch[-1].device) > 0:
            self.forget()
            self._last = (batch, identity, make(batch))
        assert self._last is not None
        return self._last[2]

    def release_device(self) -> None:
        """Forget a batch that is on a device."""
        if self._last is not None and any(tensor.device.type != "cpu" for tensor in self._last[0]):
            self.forget()

    def forget(self) -> None:
        """Let go of the batch and all that is known of it: its objective, and that one's last point."""
        if self._last is not None:
            self._last[2].forget()
        self._last = None


def _identity(tensor: Tensor) -> tuple[object, ...]:
    """What two tensors share only if they are the same memory with the same content."""
    return tensor.data_ptr(), tensor._version, tensor.shape, tensor.stride(), tensor.dtype, tensor.device
