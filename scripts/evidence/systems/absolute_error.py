"""S11: backpropagation through two layers under the absolute error, written out."""

from functools import partial

import torch
from torch.nn.functional import l1_loss

from evidence.systems.agreement import autograd_gradient
from evidence.systems.expectation import at_most
from evidence.systems.random_rows import parameters, targets
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import AbsoluteError

WIDTHS, ROWS = (8, 20, 1), 200
# Largest difference of an entry in each floating type, published and allowed.
TYPES = {torch.float32: ("1e-7", at_most(5e-7)), torch.float64: ("", at_most(1e-14))}


def compare_gradient_with_autograd(context: Context) -> Outcome:
    """The gradient against autograd in both floating types."""
    claims = []
    for dtype, (published, expected) in TYPES.items():
        network = DenseNetwork(WIDTHS, "tanh")
        x, y = (part.to(dtype) for part in targets(ROWS, WIDTHS))
        theta = parameters(network).to(dtype)
        written = NetworkObjective(network, AbsoluteError(1), x, y).at(theta).gradient
        reference = autograd_gradient(network, theta, x, partial(l1_loss, target=y))
        name = f"gradient under the absolute error, {str(dtype).removeprefix('torch.')}: largest difference from autograd"
        claims.append(Claim(name, published, expected, float((written - reference).abs().max()), ".1e", is_headline=True))
    return Outcome(claims)


SYSTEM = System("S11", compare_gradient_with_autograd, is_exact=True)
