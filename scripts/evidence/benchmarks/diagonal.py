"""Exact diagonals of networks' second derivatives: ours against BackPACK and `torch.func`, and beside one gradient, the floor.

Every side starts from a fresh forward pass of the same network on the same batch in single precision. A row is measured only
after both sides have been checked to give the same numbers. `torch.func` can give the diagonal of the Gauss–Newton matrix by
the Jacobian of every row, SJ, and does so for the smallest network, where that takes 560 MB; the diagonal of the Hessian it
cannot give: that takes one product per parameter, 55 050 of them for the smallest network here. BackPACK has no diagonal of
the Hessian where there are skips, and curvlinops, which estimates diagonals, has none at all: `curvature_products.py`.
"""

import copy
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.functional import cross_entropy

from evidence.benchmarks import curvature_products
from evidence.benchmarks.measured_networks import CLASSES, CONVOLUTIONAL, DENSE, Batch, batch_of, known_network, our_curvature
from evidence.benchmarks.optional_peers import has, missing
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.same_answer import Answer, beside, compared_answers
from lightning_modules.objectives.families import Categorical

ROWS, IMAGE_ROWS, IMAGE_SHAPE = 256, 128, (3, 32, 32)
ACTIVATIONS = ("relu", "tanh")
DIAGONALS = {"Gauss–Newton": "DiagGGNExact", "Hessian": "DiagHessian"}
BUDGET = Budget(least=15, most=60, seconds=20)
# Where the other side takes seconds and gigabytes.
SLOW_BUDGET = Budget(most=15, seconds=20)
# torch.func keeps the Jacobian of every row up to so many numbers.
JACOBIAN_NUMBERS = 2**28
# Per network, activation and diagonal a gradient and BackPACK, but not its Hessian with skips, and torch.func on the smallest;
# of a convolutional network the Gauss–Newton diagonal beside both.
NUM_ROWS = len(DENSE) * len(ACTIVATIONS) * len(DIAGONALS) * 2 + 2 * len(CONVOLUTIONAL) + curvature_products.NUM_ROWS
GRADIENT = "one gradient"


def time_diagonals(_: str) -> Iterator[BenchmarkRow | str]:
    """Milliseconds per diagonal of one batch, ours beside a gradient by autograd and beside each peer; then those of products.

    Raises:
        ArithmeticError: two sides give different numbers.
    """
    yield from missing("backpack")
    generator = torch.Generator().manual_seed(0)
    batch, images = batch_of(ROWS, (784,), generator), batch_of(IMAGE_ROWS, IMAGE_SHAPE, generator)
    for name, (kind, widths) in DENSE.items():
        for activation in ACTIVATIONS:
            torch.manual_seed(0)
            network = kind(widths, activation)
            for diagonal in DIAGONALS:
                yield from of_dense(f"{diagonal}, {activation} {name}", network, batch, diagonal, activation)
    for name, make in CONVOLUTIONAL.items():
        torch.manual_seed(0)
        convolutional = make()
        ours = partial(our_diagonal, convolutional, images, "Gauss–Newton")
        case, twin = f"Gauss–Newton, {name} on 3 × 32 × 32", copy.deepcopy(convolutional)
        yield beside(case, GRADIENT, "floor", ours, gradient(convolutional, images), SLOW_BUDGET)
        if has("backpack"):
            yield compared_answers(case, "BackPACK", ours, backpack_diagonal(twin, images, "DiagGGNExact"), SLOW_BUDGET)
    yield from curvature_products.time_products(batch, images)


def of_dense(case: str, network: Any, batch: Batch, diagonal: str, activation: str) -> Iterator[BenchmarkRow]:
    """The rows of one diagonal."""
    ours = partial(our_diagonal, network, batch, diagonal)
    yield beside(case, GRADIENT, "floor", ours, gradient(network, batch), BUDGET)
    if has("backpack") and (diagonal == "Gauss–Newton" or not any(network.skips)):
        budget = SLOW_BUDGET if diagonal == "Hessian" and activation != "relu" else BUDGET
        yield compared_answers(case, "BackPACK", ours, backpack_diagonal(network, batch, DIAGONALS[diagonal]), budget)
    numbers = len(batch[1]) * CLASSES * sum(p.numel() for p in network.parameters())
    if diagonal == "Gauss–Newton" and numbers <= JACOBIAN_NUMBERS:
        yield compared_answers(case, "torch.func", ours, partial(jacobian_diagonal, network, batch), SLOW_BUDGET)


def our_diagonal(network: nn.Module, batch: Batch, diagonal: str) -> Tensor:
    """diag C (p,)."""
    return our_curvature(network, batch, "hessian" if diagonal == "Hessian" else "ggn").diagonal()


def gradient(network: nn.Module, batch: Batch) -> Answer:
    """By autograd, forward pass included."""
    parameters, (x, y) = list(network.parameters()), batch
    return lambda: torch.autograd.grad(cross_entropy(network(x), y), parameters)[0]


def backpack_diagonal(network: nn.Module, batch: Batch, extension: str) -> Answer:
    """By BackPACK on the same weights, in modules that it knows."""
    backpack, extensions = import_module("backpack"), import_module("backpack.extensions")
    name = {"DiagGGNExact": "diag_ggn_exact", "DiagHessian": "diag_h"}[extension]
    model, loss = backpack.extend(known_network(network)), backpack.extend(nn.CrossEntropyLoss())
    x, y = batch

    def compute() -> Tensor:
        with backpack.backpack(getattr(extensions, extension)()):
            loss(model(x), y).backward()
        found = torch.cat([getattr(p, name).flatten() for p in model.parameters()])
        for p in model.parameters():
            p.grad = None
            delattr(p, name)
        return found

    return compute


def jacobian_diagonal(network: nn.Module, batch: Batch) -> Tensor:
    """Σ (SJ)² by `torch.func`: the Jacobian of every row's outputs, times the factor of the loss's curvature."""
    x, y = batch

    def outputs(values: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(network, values, (row[None],))[0]

    detached = {key: p.detach() for key, p in network.named_parameters()}
    jacobians = vmap(jacrev(outputs), (None, 0))(detached, x)
    factor = Categorical(CLASSES).curvature_factor(network(x).detach(), y)
    squares = [torch.einsum("cnk,nkp->ncp", factor, j.flatten(2)).square().sum((0, 1)) / len(x) for j in jacobians.values()]
    return torch.cat(squares)
