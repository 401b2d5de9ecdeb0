"""Why a trainer took no further step: its limits, its callbacks, the method itself, or Ctrl-C."""

from datetime import timedelta
from typing import Literal

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping, Timer

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.optimizers.ending import Ending, counted, ran_out, stopped_itself
from lightning_modules.training.whole_batch import is_whole

# What Lightning adds to its own reasons.
SIGNAL = "Signaling Trainer to stop."


def said_by_method(trainer: Trainer) -> Literal["converged", "stalled"] | None:
    """Why the method takes no step any more; None if it would go on, as on mini-batches, of which one proves nothing."""
    said: Literal["converged", "stalled"] | None = getattr(trainer.optimizers[0], "status", None)
    return said if is_whole(trainer) else None


def is_towards_optimum(trainer: Trainer) -> bool:
    """Whether the method was to go on to an optimum within its tolerance."""
    return is_whole(trainer) and isinstance(trainer.optimizers[0], CurvatureOptimizer)


def run_ending(trainer: Trainer) -> Ending:
    """How the fit of a trainer ended, asked for at its end or after it."""
    epochs, steps = trainer.current_epoch, trainer.global_step
    when = counted(epochs, "epoch")
    if trainer.interrupted:
        return Ending("stopped", f"Ctrl-C stopped it {when}")
    if (said := said_by_method(trainer)) is not None:
        return stopped_itself(type(trainer.optimizers[0]).__name__, said, when)
    if steps >= trainer.max_steps >= 0:
        return ran_out(trainer.max_steps, "step")
    if trainer.max_epochs is not None and epochs >= trainer.max_epochs >= 0:
        return ran_out(trainer.max_epochs, "epoch")
    if not trainer.should_stop:
        return Ending("stopped", f"it was left {when}")
    endings = [_ending_by(callback, when) for callback in trainer.callbacks]  # type: ignore[attr-defined]
    unknown = Ending("stopped", f"trainer.should_stop, set by a callback or the model, stopped it {when}")
    return next((ending for ending in endings if ending is not None), unknown)


def _ending_by(callback: Callback, when: str) -> Ending | None:
    """How a callback ended the fit, if it did."""
    name = type(callback).__name__
    if isinstance(callback, Timer):
        left = callback.time_remaining()
        if left is None or left > 0:
            return None
        limit = timedelta(seconds=round(left + callback.time_elapsed()))
        return Ending("budget", f"the time of {limit} ran out {when}")
    if isinstance(callback, EarlyStopping) and callback.stopping_reason_message is not None:
        reason = callback.stopping_reason_message.removesuffix(SIGNAL).strip().removesuffix(".")
        reason = reason.removeprefix("Monitored metric ").replace(". Best", ", best")
        return Ending("stopped", f"{name} stopped it {when} ({reason})")
    return None
