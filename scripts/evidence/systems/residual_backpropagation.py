"""S1: backpropagation through a residual network, written out."""

from torch.nn.functional import mse_loss

from evidence.systems.agreement import autograd_gradient, relative_difference
from evidence.systems.expectation import at_most
from evidence.systems.random_rows import parameters, targets
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import ACTIVATIONS, ResidualNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import SquaredError

DEPTHS = (1, 2, 5, 10)
WIDTH, ROWS = 6, 30
ROUNDING = at_most(1e-12)


def compare_gradients_with_autograd(context: Context) -> Outcome:
    """The gradient of every activation at every depth against autograd."""
    worst = {name: max(difference(name, hidden) for hidden in DEPTHS) for name in ACTIVATIONS if name != "sign"}
    depths = f"{', '.join(map(str, DEPTHS))} hidden layers"
    claims = [
        Claim(f"{name}: largest difference from autograd, {depths}", "equations", ROUNDING, value, ".1e")
        for name, value in worst.items()
    ]
    name = f"gradient of residual networks: largest difference from autograd, {len(worst)} activations, {depths}"
    return Outcome([Claim(name, "equations", ROUNDING, max(worst.values()), ".1e", is_headline=True), *claims])


def difference(activation: str, hidden: int) -> float:
    """As a share of the largest entry of the gradient. (The sign has no gradient to compare.)"""
    widths = [WIDTH] * (hidden + 1) + [1]
    network = ResidualNetwork(widths, activation)
    (x, y), theta = targets(ROWS, widths), parameters(network)
    written = NetworkObjective(network, SquaredError(1), x, y).at(theta).gradient
    return relative_difference(written, autograd_gradient(network, theta, x, lambda outputs: mse_loss(outputs, y)))


SYSTEM = System("S1", compare_gradients_with_autograd, is_exact=True)
