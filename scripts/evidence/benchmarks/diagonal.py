"""Exact diagonals of networks' second derivatives: ours against BackPACK and `torch.func`, and against one gradient.

Every side starts from a fresh forward pass of the same network on the same batch in single precision. A row is measured only
after both sides have been checked to give the same numbers. `torch.func` can give the diagonal of the Gauss–Newton matrix by
the Jacobian of every row, SJ, and does so for the smallest network, where that takes 560 MB; the diagonal of the Hessian it
cannot give: that takes one product per parameter, 55 050 of them for the smallest network here. BackPACK has no diagonal of
the Hessian where there are skips.
"""

import copy
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from evidence.benchmarks.row import BenchmarkRow
from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import GraphObjective, NetworkObjective, Objective, traced
from lightning_modules.objectives.families import Categorical

NETWORKS = {
    "784-64-64-10": (DenseNetwork, (784, 64, 64, 10)),
    "784-512-128-10": (DenseNetwork, (784, 512, 128, 10)),
    "784-256-256-256-10": (DenseNetwork, (784, 256, 256, 256, 10)),
    "residual 784-128-128-128-10": (ResidualNetwork, (784, 128, 128, 128, 10)),
}
ROWS, IMAGE_ROWS, CLASSES = 256, 128, 10
# Convolutional ones, on images of 3 × 32 × 32: after LeNet, and 3c3d of DeepOBS.
IMAGES: dict[str, Callable[[], nn.Module]] = {
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
ACTIVATIONS = ("relu", "tanh")
DIAGONALS = {"Gauss–Newton": "DiagGGNExact", "Hessian": "DiagHessian"}
ROUNDS = 15
# A measurement is the mean of as many runs as fill so many milliseconds: one run of the smallest network is shorter than the
# slice of time that the machine gives to somebody else.
MILLISECONDS = 20.0
# Where BackPACK takes seconds and gigabytes: the diagonal of the Hessian through curved layers.
SLOW_ROUNDS = 3
# Largest difference between the two sides, as a share of the largest entry.
TOLERANCE = 1e-4
# torch.func keeps the Jacobian of every row up to so many numbers.
JACOBIAN_NUMBERS = 2**28
# Per network, activation and diagonal a gradient and BackPACK, but not its Hessian with skips, and torch.func on the smallest;
# of a convolutional network the Gauss–Newton diagonal beside both.
NUM_ROWS = len(NETWORKS) * len(ACTIVATIONS) * len(DIAGONALS) * 2 + 2 * len(IMAGES)

Side = Callable[[], Tensor]


def time_diagonals(_: str) -> Iterator[BenchmarkRow]:
    """Milliseconds per diagonal of one batch, ours beside a gradient by autograd and beside each peer.

    Raises:
        OSError: BackPACK is not installed.
        ArithmeticError: the two sides give different numbers.
    """
    if find_spec("backpack") is None:
        raise OSError("the peer of this section, BackPACK, is not installed: pip install '.[bench]'")
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(ROWS, 784, generator=generator), torch.randint(CLASSES, (ROWS,), generator=generator)
    for name, (kind, widths) in NETWORKS.items():
        for activation in ACTIVATIONS:
            torch.manual_seed(0)
            network = kind(widths, activation)
            for diagonal, extension in DIAGONALS.items():
                case = f"{diagonal}, {activation} {name}"
                ours = our_diagonal(network, *batch, diagonal)
                yield compared(case, "one gradient", ours, gradient(network, *batch), ROUNDS, same=False)
                if diagonal == "Gauss–Newton" or not any(network.skips):
                    rounds = SLOW_ROUNDS if diagonal == "Hessian" and activation != "relu" else ROUNDS
                    yield compared(case, "BackPACK", ours, backpack_diagonal(network, *batch, extension), rounds)
                numbers = ROWS * CLASSES * sum(p.numel() for p in network.parameters())
                if diagonal == "Gauss–Newton" and numbers <= JACOBIAN_NUMBERS:
                    yield compared(case, "torch.func", ours, jacobian_diagonal(network, *batch), SLOW_ROUNDS)
    shape = IMAGE_ROWS, 3, 32, 32
    images = torch.randn(shape, generator=generator), torch.randint(CLASSES, shape[:1], generator=generator)
    for name, make in IMAGES.items():
        torch.manual_seed(0)
        convolutional = make()
        ours = our_diagonal(convolutional, *images, "Gauss–Newton")
        case, twin = f"Gauss–Newton, {name} on 3 × 32 × 32", copy.deepcopy(convolutional)
        yield compared(case, "one gradient", ours, gradient(convolutional, *images), SLOW_ROUNDS, same=False)
        yield compared(case, "BackPACK", ours, backpack_diagonal(twin, *images, "DiagGGNExact"), SLOW_ROUNDS)


def compared(case: str, peer: str, ours: Side, theirs: Side, rounds: int, same: bool = True) -> BenchmarkRow:
    """Both sides in turn, after a first run of each that is checked and not counted."""
    first, second = ours(), theirs()
    if same and not (first - second).abs().max() <= TOLERANCE * second.abs().max():
        share = float((first - second).abs().max() / second.abs().max())
        raise ArithmeticError(f"{case}: ours and {peer} differ by {share:.1e} of the largest entry, so no time means anything")
    runs = max(1, round(MILLISECONDS / max(milliseconds(ours), milliseconds(theirs))))
    pairs = [(milliseconds(ours, runs), milliseconds(theirs, runs)) for _ in range(rounds)]
    mine, others = zip(*pairs, strict=True)
    return BenchmarkRow(case, "ms", peer, mine, others, more_is_better=False)


def milliseconds(side: Side, runs: int = 1) -> float:
    """Of one run, the mean of several."""
    start = time.perf_counter()
    for _ in range(runs):
        side()
    return 1e3 * (time.perf_counter() - start) / runs


def our_diagonal(network: nn.Module, x: Tensor, y: Tensor, diagonal: str) -> Side:
    """By a new objective at each run, so that nothing is known from the one before."""
    graph = None if isinstance(network, DenseNetwork) else traced(network)
    theta = parameters_to_vector(network.parameters()).detach()

    def compute() -> Tensor:
        loss = Categorical(CLASSES)
        if graph is None:
            objective: Objective = NetworkObjective(cast(DenseNetwork, network), loss, x, y)
        else:
            objective = GraphObjective(graph, loss, x, y)
        return objective.at(theta).curvature("hessian" if diagonal == "Hessian" else "ggn").diagonal()

    return compute


def gradient(network: nn.Module, x: Tensor, y: Tensor) -> Side:
    """By autograd, forward pass included."""
    parameters = list(network.parameters())

    def compute() -> Tensor:
        return torch.autograd.grad(cross_entropy(network(x), y), parameters)[0]

    return compute


def backpack_diagonal(network: nn.Module, x: Tensor, y: Tensor, extension: str) -> Side:
    """By BackPACK on the same weights, in modules that it knows."""
    backpack, extensions = import_module("backpack"), import_module("backpack.extensions")
    name = {"DiagGGNExact": "diag_ggn_exact", "DiagHessian": "diag_h"}[extension]
    known = backpack_network(network) if isinstance(network, DenseNetwork) else network
    model, loss = backpack.extend(known), backpack.extend(nn.CrossEntropyLoss())

    def compute() -> Tensor:
        with backpack.backpack(getattr(extensions, extension)()), warnings.catch_warnings():
            # Of BackPACK's own hooks: it needs no gradient with respect to the data.
            warnings.filterwarnings("ignore", "Full backward hook is firing")
            loss(model(x), y).backward()
        found = torch.cat([getattr(p, name).flatten() for p in model.parameters()])
        for p in model.parameters():
            p.grad = None
            delattr(p, name)
        return found

    return compute


def backpack_network(network: DenseNetwork) -> nn.Module:
    """The same function: linear layers that are copied, activations of torch, skips as BackPACK's parallel branches."""
    branching = import_module("backpack.custom_module.branching")
    activations = {"ReLU": nn.ReLU, "Tanh": nn.Tanh}
    modules: list[nn.Module] = []
    for layer, skip in zip(network.layers, (*network.skips, False), strict=True):
        copy = nn.Linear(layer.in_features, layer.out_features)
        copy.load_state_dict(layer.state_dict())
        last = layer is network.layers[-1]
        block: list[nn.Module] = [copy] if last else [copy, activations[type(network.activation).__name__]()]
        modules += [branching.Parallel(nn.Identity(), nn.Sequential(*block))] if skip else block
    return nn.Sequential(*modules)


def jacobian_diagonal(network: nn.Module, x: Tensor, y: Tensor) -> Side:
    """Σ (SJ)² by `torch.func`: the Jacobian of every row's outputs, times the factor of the loss's curvature."""
    parameters: dict[str, Any] = dict(network.named_parameters())

    def outputs(values: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(network, values, (row[None],))[0]

    def compute() -> Tensor:
        detached = {key: p.detach() for key, p in parameters.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.func uses what torch deprecates
            jacobians = vmap(jacrev(outputs), (None, 0))(detached, x)
        factor = Categorical(CLASSES).curvature_factor(network(x).detach(), y)
        squares = [torch.einsum("cnk,nkp->ncp", factor, j.flatten(2)).square().sum((0, 1)) / len(x) for j in jacobians.values()]
        return torch.cat(squares)

    return compute
