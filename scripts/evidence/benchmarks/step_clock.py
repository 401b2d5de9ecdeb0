"""The cost of a step, by two looks at the clocks within one run: what happens once before and after it is not in it.

It is the time that passes between two steps, divided by their number, so that it cannot be negative, as a difference of the
times of two runs can.
"""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from evidence.benchmarks.clocks import Reading, between, now


class StepClock(Callback):
    """Looks at the clocks at the ends of two steps; a callback, or told of every step by `tick`.

    Args:
        first, last: after how many steps; first < last.
    """

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self._steps = 0
        self._looks: list[Reading] = []

    def tick(self) -> None:
        """A step has ended."""
        self._steps += 1
        if self._steps in (self.first, self.last):
            self._looks.append(now())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.tick()

    @property
    def reading(self) -> Reading:
        """Microseconds of a step.

        Raises:
            ArithmeticError: the run ended before the last of the steps.
        """
        if len(self._looks) < 2:
            raise ArithmeticError(f"a run ended after {self._steps} steps, before the {self.last} that are measured")
        return between(*self._looks).times(1e6 / (self.last - self.first))
