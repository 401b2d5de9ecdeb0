"""Multilayer perceptron with skips."""

from lightning_modules.mlp import MLP
from lightning_modules.networks import ResidualNetwork


class ResidualMLP(MLP):
    """An `MLP` in which every hidden layer that keeps the width adds its input to its output.

    Args:
        widths: (features, hidden widths …, classes or targets); at least one hidden width equal to the one before it.
        activation, initialization, loss, l2, output_activation, schedule, optimizer: as in `MLP`.
    """

    network_class = ResidualNetwork
