"""S4: initialisations, activations and losses, each against its definition."""

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import log_softmax, mse_loss, nll_loss

from evidence.systems.expectation import at_most, between
from evidence.systems.random_rows import classes, targets
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import DenseNetwork, make_activation
from lightning_modules.objectives.families import Categorical, SquaredError

# An even number of points: none of them is a kink.
GRID = torch.linspace(-6, 6, 1200, dtype=torch.float64)
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: 1.0 * z,
    "sign": torch.sign,
    "tanh": torch.tanh,
    "hard_tanh": lambda z: z.clamp(-1, 1),
    "leaky_tanh": lambda z: torch.where(z > 0, torch.tanh(z), 0.01 * z),
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
}
ROUNDING = at_most(1e-13)
BEFORE, AFTER, OUTPUTS = 400, 300, 10
BOUNDS: dict[str | float, tuple[str, float]] = {
    "xavier_uniform": ("√(6/(in+out))", sqrt(6 / (BEFORE + AFTER))),
    "xavier_half": ("√(0.5/(in+out))", sqrt(0.5 / (BEFORE + AFTER))),
    "kaiming_uniform": ("√(6/in)", sqrt(6 / BEFORE)),
    0.1: ("d", 0.1),
}


def compare_building_blocks(context: Context) -> Outcome:
    """Every block."""
    torch.manual_seed(0)
    return Outcome([*initializations(), *activations(), *losses()])


def initializations() -> list[Claim]:
    """The largest of 120 000 weights as a share of its bound."""
    claims = []
    for name, (formula, bound) in BOUNDS.items():
        largest = float(DenseNetwork((BEFORE, AFTER, OUTPUTS), initialization=name).layers[0].weight.detach().abs().max())
        text = f"weights uniform ±{formula} ({name}): the largest ÷ its bound"
        claims.append(Claim(text, formula, between(0.999, 1.000001), largest / bound, ".5f"))
    return claims


def activations() -> list[Claim]:
    """φ and φ′ against the definition and its derivative by autograd."""
    worst = {}
    for name, definition in ACTIVATIONS.items():
        phi = make_activation(name)
        h = phi(GRID)
        differences = (h - definition(GRID), phi.derivative(GRID, h) - vmap(grad(definition))(GRID))
        worst[name] = max(float(difference.abs().max()) for difference in differences)
    text = "largest difference of φ and φ′ from the definition"
    overall = Claim(f"{len(worst)} activations: {text}", "", ROUNDING, max(worst.values()), ".1e", is_headline=True)
    return [overall, *(Claim(f"{name}: {text}", "", ROUNDING, value, ".1e") for name, value in worst.items())]


def losses() -> list[Claim]:
    """Mean losses of random outputs against torch's."""
    outputs, y = targets(50, (OUTPUTS, OUTPUTS))
    _, labels = classes(50, (OUTPUTS, OUTPUTS))
    pairs = {
        # One target a row, because ours sums over the targets of a row.
        "mean squared error": (SquaredError(1).loss(outputs[:, :1], y[:, :1]).mean(), mse_loss(outputs[:, :1], y[:, :1])),
        "negative log-likelihood of log-softmax": (
            Categorical(OUTPUTS).loss(outputs, labels).mean(),
            nll_loss(log_softmax(outputs, 1), labels),
        ),
    }
    return [
        Claim(f"{name}: difference from torch's", "", at_most(1e-14), float((ours - theirs).abs()), ".1e")
        for name, (ours, theirs) in pairs.items()
    ]


SYSTEM = System(
    "S4",
    compare_building_blocks,
    wrong="One published version calls ±√(0.5/(in+out)) Xavier's; here that is xavier_half, a name of its own.",
    is_exact=True,
)
