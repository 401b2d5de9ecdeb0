"""How often a trainer logs."""

from pytorch_lightning import Trainer


def logging_interval(trainer: Trainer) -> int:
    """Steps from one logged step to the next; `log_every_n_steps=0` would mean never to Lightning, here it means each."""
    interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return max(1, interval)
