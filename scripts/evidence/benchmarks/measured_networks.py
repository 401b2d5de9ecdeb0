"""The networks whose curvature is measured, and their curvature by this project."""

import importlib
from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import Curvature, GraphObjective, NetworkObjective, Objective, traced
from lightning_modules.objectives.families import Categorical

CLASSES = 10
DENSE = {
    "784-64-64-10": (DenseNetwork, (784, 64, 64, CLASSES)),
    "784-512-128-10": (DenseNetwork, (784, 512, 128, CLASSES)),
    "784-256-256-256-10": (DenseNetwork, (784, 256, 256, 256, CLASSES)),
    "residual 784-128-128-128-10": (ResidualNetwork, (784, 128, 128, 128, CLASSES)),
}
# On images of 3 × 32 × 32: after LeNet, and 3c3d of DeepOBS.
CONVOLUTIONAL: dict[str, Callable[[], nn.Module]] = {
    "LeNet": lambda: nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)),
    ),
    "3c3d": lambda: nn.Sequential(
        *(nn.Conv2d(3, 64, 5), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(64, 96, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ZeroPad2d(1)),
        *(nn.Conv2d(96, 128, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten()),
        *(nn.Linear(1152, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, CLASSES)),
    ),
}

# Features (n, …) and labels (n,).
Batch = tuple[Tensor, Tensor]


def batch_of(rows: int, shape: tuple[int, ...], generator: torch.Generator) -> Batch:
    """Normal features, and labels that have nothing to do with them."""
    return torch.randn(rows, *shape, generator=generator), torch.randint(CLASSES, (rows,), generator=generator)


def our_curvature(network: nn.Module, batch: Batch, kind: Literal["ggn", "hessian"]) -> Curvature:
    """By a new objective at each call, so that nothing is known from the one before."""
    loss, theta = Categorical(CLASSES), parameters_to_vector(network.parameters()).detach()
    objective: Objective
    if isinstance(network, DenseNetwork):
        objective = NetworkObjective(network, loss, *batch)
    else:
        objective = GraphObjective(traced(network), loss, *batch)
    return objective.at(theta).curvature(kind)


def known_network(network: nn.Module) -> nn.Module:
    """The same function of layers that other libraries know, with copied weights; skips as BackPACK's parallel branches."""
    if not isinstance(network, DenseNetwork):
        return network
    activations = {"ReLU": nn.ReLU, "Tanh": nn.Tanh}
    modules: list[nn.Module] = []
    for layer, skip in zip(network.layers, (*network.skips, False), strict=True):
        copied = nn.Linear(layer.in_features, layer.out_features)
        copied.load_state_dict(layer.state_dict())
        last = layer is network.layers[-1]
        block: list[nn.Module] = [copied] if last else [copied, activations[type(network.activation).__name__]()]
        if skip:
            branching = importlib.import_module("backpack.custom_module.branching")
            block = [cast(nn.Module, branching.Parallel(nn.Identity(), nn.Sequential(*block)))]
        modules += block
    return nn.Sequential(*modules)
