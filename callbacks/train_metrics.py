"""Metrics on the training set during fit."""

from callbacks.split_metrics import SplitMetrics


class TrainMetrics(SplitMetrics):
    """Logs `train/…` over the whole training set at the weights that validation and test see, comparable with theirs.

    (A running mean over the epoch's batches would mix the weights of every step, and be a mean of means.)

    Args:
        every_n_epochs: how often.
    """

    def __init__(self, every_n_epochs: int = 1) -> None:
        super().__init__("train", every_n_epochs)
