"""Tensors of a device that are handed on when they have arrived at the host: nobody waits for them."""

from collections import deque
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_modules.devices.asynchronous import is_asynchronous

Use = Callable[[list[Tensor]], None]
# So many may be on their way: a host that is farther ahead of its device waits for the first of them.
MOST_ON_THEIR_WAY = 64


class Late:
    """Sends tensors to the host, and uses them there when the next ones are sent, or later, in the order of sending.

    Those of the CPU are there at once, and used at once.
    """

    def __init__(self) -> None:
        self._on_their_way: deque[_Sent] = deque()

    def send(self, tensors: Sequence[Tensor], use: Use) -> None:
        """Hand real tensors on, in float64, without waiting for them; what `use` raises, a later call may raise.

        Args:
            tensors: of any shapes, of one device or of the CPU.
            use: is given them on the CPU.
        """
        self.arrived()
        if any(is_asynchronous(tensor) for tensor in tensors):
            self._on_their_way.append(_Sent(tensors, use))
        else:
            self.finish()
            use([tensor.detach().double() for tensor in tensors])

    def arrived(self) -> None:
        """Use those that have arrived."""
        waiting = self._on_their_way
        while waiting and (len(waiting) > MOST_ON_THEIR_WAY or waiting[0].has_arrived()):
            waiting.popleft().use()

    def finish(self) -> None:
        """Wait for all of them, and use them."""
        while self._on_their_way:
            self._on_their_way.popleft().use()


class _Sent:
    """Some tensors on their way, in one copy."""

    def __init__(self, tensors: Sequence[Tensor], use: Use) -> None:
        self._tensors, self._use = [tensor.detach().double() for tensor in tensors], use
        self._computed = [place for place, tensor in enumerate(tensors) if is_asynchronous(tensor)]
        joined = torch.cat([self._tensors[place].reshape(-1) for place in self._computed])
        # Into memory that a device writes to by itself, which torch chooses for copies that need not be waited for.
        self._copy = joined.to("cpu", non_blocking=True)
        self._event = torch.cuda.Event() if joined.device.type == "cuda" else torch.Event(joined.device)
        self._event.record()

    def has_arrived(self) -> bool:
        """Whether the device has come to the end of the copy."""
        return self._event.query()

    def use(self) -> None:
        """Hand them on; until they have arrived the host waits."""
        if not self._event.query():
            self._event.synchronize()
        parts = self._copy.split([self._tensors[place].numel() for place in self._computed])
        for place, part in zip(self._computed, parts, strict=True):
            self._tensors[place] = part.view(self._tensors[place].shape)
        self._use(self._tensors)
