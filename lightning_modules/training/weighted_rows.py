"""Rows that count several times, or a part of one: only for models whose loss takes their weights."""

from typing import Any

from torch import Tensor

Batch = tuple[Tensor, ...]

SAYS_THE_LOSS = {"objective", "loss_share", "training_step", "takes_weights"}


def takes_weights(model: object) -> bool:
    """Whether the class that says what a model's loss is says too that it takes the weights of rows."""
    levels = [vars(model), *(vars(level) for level in type(model).__mro__)]
    lowest = next((level for level in levels if level.keys() & SAYS_THE_LOSS), {})
    return bool(lowest.get("takes_weights", False))


def has_weights(batch: Any) -> bool:
    """Whether a batch is (features, targets, weights)."""
    return isinstance(batch, (tuple, list)) and len(batch) == 3


def refuse_weights(model: object, batch: Batch) -> None:
    """Refuse weights that a model would leave out of its loss without a word.

    Raises:
        ValueError: the batch has some, and the model does not say that it takes them.
    """
    if has_weights(batch) and not takes_weights(model):
        raise ValueError(
            f"{type(model).__name__} takes no weights of rows, and these have some: leave weights and class_weight out of the "
            "data module"
        )
