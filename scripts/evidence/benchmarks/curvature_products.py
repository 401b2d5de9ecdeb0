"""Products with the Gauss–Newton matrix of a network, and its layers' Kronecker factors: ours beside curvlinops.

curvlinops has no exact diagonal, but these two: products by `torch.func`, and KFAC whose expectation over the model's own
targets is exact ("type-2"), weights and bias of a layer together, positions as if they were rows. Both sides start from a fresh
forward pass. Of the factors the products G V A with the same V are compared, since a number may stand in either factor.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from evidence.benchmarks import measured_networks
from evidence.benchmarks.measured_networks import Batch, known_network, our_curvature
from evidence.benchmarks.optional_peers import has, missing
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.same_answer import compared_answers

DENSE, ACTIVATION, CONVOLUTIONAL = "784-64-64-10", "relu", "LeNet"
BUDGET = Budget(least=15, most=60, seconds=20)
NUM_ROWS = 4
# A (in, in) and G (out, out) of each layer.
Factors = list[tuple[Tensor, Tensor]]


def time_products(batch: Batch, images: Batch) -> Iterator[BenchmarkRow | str]:
    """Milliseconds of a product and of all factors, of a dense network and a convolutional one.

    Raises:
        ArithmeticError: the two sides give different numbers.
    """
    yield from missing("curvlinops")
    if not has("curvlinops"):
        return
    kind, widths = measured_networks.DENSE[DENSE]
    torch.manual_seed(0)
    dense, convolutional = kind(widths, ACTIVATION), measured_networks.CONVOLUTIONAL[CONVOLUTIONAL]()
    named: tuple[tuple[str, nn.Module, Batch], ...] = (
        (f"{ACTIVATION} {DENSE}", dense, batch),
        (f"{CONVOLUTIONAL} on 3 × 32 × 32", convolutional, images),
    )
    for name, network, rows in named:
        v = torch.randn(len(parameters_to_vector(network.parameters())), generator=torch.Generator().manual_seed(1))
        sides = partial(our_product, network, rows, v), peer_product(network, rows, v)
        yield compared_answers(f"product with the Gauss–Newton matrix, {name}", "curvlinops", *sides, BUDGET)
        ours, theirs = partial(our_factors, network, rows), partial(peer_factors, network, rows)
        answers = tuple(applied(factors) for factors in (ours(), theirs()))
        case = f"Kronecker factors of all layers, {name}"
        yield compared_answers(case, "curvlinops", ours, theirs, BUDGET, answers)  # type: ignore[arg-type]


def our_product(network: nn.Module, batch: Batch, v: Tensor) -> Tensor:
    """C v (p,)."""
    return our_curvature(network, batch, "ggn").product(v)


def peer_product(network: nn.Module, batch: Batch, v: Tensor) -> Callable[[], Tensor]:
    """The same by an operator that is made before."""
    known = known_network(network)
    operator = import_module("curvlinops").GGNLinearOperator(
        known, nn.CrossEntropyLoss(), list(known.parameters()), [batch], check_deterministic=False, num_data=len(batch[1])
    )
    return lambda: operator @ v


def our_factors(network: nn.Module, batch: Batch) -> Factors:
    """Layer by layer."""
    blocks = our_curvature(network, batch, "ggn").kronecker().blocks
    return [(block.inputs[0], block.outputs[0]) for block in blocks]


def peer_factors(network: nn.Module, batch: Batch) -> Factors:
    """The same by an operator that is made anew, since it keeps the factors."""
    known, options = known_network(network), {"num_per_example_loss_terms": 1, "num_data": len(batch[1])}
    operator: Any = import_module("curvlinops").KFACLinearOperator(
        *(known, nn.CrossEntropyLoss(), list(known.parameters()), [batch]),
        **options,
        fisher_type="type-2",
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    operator.compute_kronecker_factors()
    inputs, outputs = operator._input_covariances, operator._gradient_covariances
    return [(inputs[name], outputs[name]) for name, _ in known.named_modules() if name in inputs]


def applied(factors: Factors) -> Tensor:
    """G V A of every layer, in one vector."""
    generator = torch.Generator().manual_seed(0)
    return torch.cat([(g @ torch.randn(len(g), len(a), generator=generator) @ a).flatten() for a, g in factors])
