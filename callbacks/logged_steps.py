"""Which steps something is logged of."""

from pytorch_lightning import Trainer

from callbacks.logging_interval import logging_interval


class LoggedSteps:
    """Tells each step that is logged, once: a method may ask for the gradient several times in a step.

    Args:
        owner: the callback that is asked how often, for the message.
        every_n_steps: how often; None = as often as the trainer logs.

    Raises:
        ValueError: a number below 1.
    """

    def __init__(self, owner: object, every_n_steps: int | None) -> None:
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError(f"{type(owner).__name__}(every_n_steps={every_n_steps}): give a number ≥ 1, or None")
        self.every_n_steps = every_n_steps
        self._last = -1

    def begin(self) -> None:
        """Of a new fit, whose steps have the numbers of the last one's."""
        self._last = -1

    def interval(self, trainer: Trainer) -> int:
        """From one logged step to the next."""
        return self.every_n_steps or logging_interval(trainer)

    def is_due(self, trainer: Trainer) -> bool:
        """Whether the step that begins is logged; false when it is asked about again, and where there is no logger."""
        step: int = trainer.global_step
        if step == self._last or (step + 1) % self.interval(trainer) or not trainer.loggers:
            return False
        self._last = step
        return True
