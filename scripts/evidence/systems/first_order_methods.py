"""S5: the first-order methods are the library's, on gradients that are written out.

Nesterov    v ← μv − α∇L(w + μv),   w ← w + v       torch keeps w + μv, where the gradient is taken, as its weights
Adam        its first step is α sign ∇L in every weight, since m̂ = g and v̂ = g² where each bias is corrected once
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from evidence.systems.comparisons import compared, comparison_of, with_epochs
from evidence.systems.expectation import at_most, near
from evidence.systems.random_rows import classes, parameters
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import Categorical

METHODS: dict[str, dict[str, Any]] = {
    "SGD": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
    "Nesterov": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "momentum": 0.9, "nesterov": True}},
    "AdaGrad": {"class_path": "torch.optim.Adagrad", "init_args": {"lr": 0.1}},
    "RMSProp": {"class_path": "torch.optim.RMSprop", "init_args": {"lr": 0.01}},
    "Adam": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.1, "betas": [0.9, 0.999]}},
}
EPOCHS, BATCH = 10, 32
WIDTHS, STEPS, LR, MOMENTUM = (4, 10, 3), 30, 0.1, 0.9


def compare_first_order_methods(context: Context) -> Outcome:
    """Each method on Iris beside the library's layer, loss and loop; then the two that were published wrong, by definition."""
    comparison = comparison_of(context, "iris")
    comparison["methods"] = {
        label: with_epochs(context, {"optimizer": optimizer, "data": {"batch_size": BATCH}}, EPOCHS)
        for label, optimizer in METHODS.items()
    }
    comparison["peers"] = {
        f"{label}, library": {"class_path": "LibraryLayer", "init_args": {"like": label}} for label in METHODS
    }
    runs = compared(context, comparison)
    claims = []
    for label in METHODS:
        ours, theirs = runs[label].predictions, runs[f"{label}, library"].predictions
        assert ours is not None and theirs is not None
        difference = float(ours.differences(theirs).max())
        name = f"{label} on Iris: largest difference of a probability from the library's layer and loop"
        claims.append(Claim(name, "", at_most(1e-10), difference, ".1e"))
    network = DenseNetwork(WIDTHS, "tanh")
    objective, start = NetworkObjective(network, Categorical(WIDTHS[-1]), *classes(50, WIDTHS)), parameters(network)
    return Outcome([*claims, nesterov(objective, start), adam(objective, start)])


def nesterov(objective: NetworkObjective, start: Tensor) -> Claim:
    """The weights of 30 steps against the recursion by definition, whose gradient is taken at one place only."""
    weights = Parameter(start.clone())
    optimizer = torch.optim.SGD([weights], LR, MOMENTUM, nesterov=True)
    place, velocity, difference = start, torch.zeros_like(start), 0.0
    for _ in range(STEPS):
        step(optimizer, weights, objective)
        velocity = MOMENTUM * velocity - LR * objective.at(place + MOMENTUM * velocity).gradient
        place = place + velocity
        difference = max(difference, float((weights.detach() - (place + MOMENTUM * velocity)).abs().max()))
    name = f"Nesterov: largest difference of {STEPS} iterates from the definition"
    return Claim(name, "gradient at two places", at_most(1e-12), difference, ".1e", is_headline=True)


def adam(objective: NetworkObjective, start: Tensor) -> Claim:
    """The first step's length in a weight."""
    weights = Parameter(start.clone())
    step(torch.optim.Adam([weights], LR, eps=1e-16), weights, objective)
    length = float((weights.detach() - start).abs().max()) / LR
    return Claim("Adam: first step ÷ learning rate", "bias corrected twice", near(1.0, 1e-6), length, ".6f", is_headline=True)


def step(optimizer: torch.optim.Optimizer, weights: Parameter, objective: NetworkObjective) -> None:
    """One, with the gradient that is written out."""
    weights.grad = objective.at(weights).gradient
    optimizer.step()


SYSTEM = System(
    "S5",
    compare_first_order_methods,
    wrong="Adam's bias is corrected twice, and Nesterov's gradient mixes activations of the look-ahead with weights that were "
    "not shifted. Here both are torch.optim's.",
    is_exact=True,
)
