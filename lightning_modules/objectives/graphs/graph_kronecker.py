"""Kronecker factors of the layers of a graph, by one sweep down from the rows of the loss's curvature; see `kronecker.py`."""

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from lightning_modules.objectives.graphs.graph import Graph, Node
from lightning_modules.objectives.graphs.graph_loss import GraphLoss
from lightning_modules.objectives.graphs.sweeps import Sweeps
from lightning_modules.objectives.kronecker import (
    KroneckerBlock,
    KroneckerCurvature,
    Sharing,
    add_bordered_moments,
    refuse_wide,
    second_moments,
)
from lightning_modules.objectives.layers import Affine, Visit
from lightning_modules.objectives.passes import Passes

# Of a layer at many positions of a row, so many rows tell A, and so many positions for each of its inputs.
FEWEST_ROWS, POSITIONS_EACH = 32, 16


def kronecker_curvature(
    loss: GraphLoss, passes: Passes[Sweeps], sharing: Sharing, inputs: list[Tensor] | None = None
) -> KroneckerCurvature:
    """G ⊗ A of every affine layer, and the exact diagonal of the others.

    Args:
        loss: the layers on their rows.
        passes: of the rows at a point.
        sharing: "expand" or "reduce".
        inputs: A (g, in, in) of every affine layer, if it is that of other rows.
    """
    theta = passes.theta
    nodes = [node for node in loss.graph.nodes if isinstance(node.layer, Affine)]
    shapes = {id(node): _shapes(node) for node in nodes}
    refuse_wide(sum(prod(shape) for pair in shapes.values() for shape in pair), theta)
    sums: dict[int, tuple[Tensor, ...]] = {}
    rest = torch.zeros_like(theta)
    for y, sweeps in passes.parts(loss.rows_of_vectors(loss.num_factors)):
        for node, visit, s in sweeps.down(loss.pointwise.curvature_factor(sweeps.outputs, y)):
            if not isinstance(node.layer, Affine):
                for slot, squares in zip(node.slots, node.layer.squares(visit, s), strict=True):
                    slot.of(rest).add_(squares)
                continue
            factors = _factors(node.layer, visit, s, sharing, inputs is None)
            before = sums.get(id(node))
            sums[id(node)] = factors if before is None else tuple(map(torch.add, before, factors))
            if len(node.slots) > 1 and not node.layer.bias_is_column:
                node.slots[1].of(rest).add_(node.layer.bias_rows(s).square().sum((0, 1)))
    # Of a process without rows there is nothing to add.
    new = slice(int(inputs is not None), None)
    own = [sums.get(id(node)) or tuple(theta.new_zeros(shape) for shape in shapes[id(node)][new]) for node in nodes]
    parts = [rest, *(each.flatten() for pair in own for each in pair)]
    means = iter(loss.mean(torch.cat(parts)).split([part.numel() for part in parts]))
    rest = next(means)
    blocks = []
    for index, node in enumerate(nodes):
        a, g = shapes[id(node)]
        of_inputs = next(means).view(a) if inputs is None else inputs[index]
        blocks.append(KroneckerBlock(of_inputs, next(means).view(g), _places(loss.graph, node, theta.device)))
    return KroneckerCurvature(blocks, loss.penalised(rest, torch.ones_like(theta)))


def input_factors(loss: GraphLoss, passes: Passes[Sweeps]) -> list[Tensor]:
    """A (g, in, in) of every affine layer, its positions as if they were rows.

    Of a layer at many positions of a row every k-th row is looked at, so that FEWEST_ROWS and POSITIONS_EACH are left.
    """
    nodes = [node for node in loss.graph.nodes if isinstance(node.layer, Affine)]
    # A of each, and behind it the number of its positions.
    sums = [passes.theta.new_zeros(prod(_shapes(node)[0]) + 1) for node in nodes]
    before = loss.rows_before
    for each in passes:
        visits = zip(loss.graph.nodes, each.trace.visits, strict=True)
        affine = [(node.layer, visit) for node, visit in visits if isinstance(node.layer, Affine)]
        for (layer, visit), total in zip(affine, sums, strict=True):
            k = _interval(layer, visit, loss.num_rows)
            moments, positions = _input_moments(layer, _part(visit, slice(-before % k, None, k)), "expand")
            total[:-1] += moments.flatten()
            total[-1] += positions
        before += len(each.targets)
    found = loss.reduction(torch.cat(sums)).split([len(total) for total in sums])
    return [(total[:-1] / total[-1]).view(_shapes(node)[0]) for node, total in zip(nodes, found, strict=True)]


def _interval(layer: Affine, visit: Visit, num_rows: int) -> int:
    """k, for a layer that sees the inputs of a row at T positions."""
    _, _, inputs, positions = layer.positions_in(_part(visit, slice(0, 1))).shape
    enough = max(FEWEST_ROWS, POSITIONS_EACH * inputs // positions) if positions > 1 else num_rows
    return max(1, num_rows // enough)


def _part(visit: Visit, rows: slice) -> Visit:
    """Some rows at a layer, as far as their inputs tell."""
    return replace(visit, inputs=tuple(x[rows] for x in visit.inputs))


def _factors(layer: Affine, visit: Visit, s: Tensor, sharing: Sharing, with_inputs: bool) -> tuple[Tensor, ...]:
    """Sums over rows, A (g, in, in) with a border for the bias if it is asked for, and G (g, out, out)."""
    out = layer.positions_out(visit, s)
    out = out.sum(4, keepdim=True) if sharing == "reduce" else out
    outputs = second_moments(out.permute(2, 3, 0, 1, 4).flatten(2))
    if not with_inputs:
        return (outputs,)
    moments, positions = _input_moments(layer, visit, sharing)
    return moments * (s.shape[1] / positions), outputs


def _input_moments(layer: Affine, visit: Visit, sharing: Sharing) -> tuple[Tensor, int]:
    """Σ x̄ x̄ᵀ over rows and their positions (g, in, in), with a border for the bias, and how many there are."""
    x = layer.positions_in(visit)
    x = x.mean(3, keepdim=True) if sharing == "reduce" else x
    flat = x.permute(1, 2, 0, 3).flatten(2)
    if not (len(visit.weights) > 1 and layer.bias_is_column):
        return second_moments(flat), flat.shape[2]
    groups, size, count = flat.shape
    return add_bordered_moments(flat.new_zeros(groups, size + 1, size + 1), flat), count


def _shapes(node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of A and G."""
    assert isinstance(node.layer, Affine)
    groups, out, inputs = node.layer.as_matrix(torch.empty(node.slots[0].shape, device="meta")).shape
    inputs += int(len(node.slots) > 1 and node.layer.bias_is_column)
    return (groups, inputs, inputs), (groups, out, out)


def _places(graph: Graph, node: Node, device: torch.device) -> Tensor:
    """Where the entries of (W b) stand in θ (g, out, in)."""
    key = (node.name, device)
    if key not in graph.places:
        assert isinstance(node.layer, Affine)
        numbers = torch.arange(graph.size, device=device)
        places = node.layer.as_matrix(node.slots[0].of(numbers))
        if len(node.slots) > 1 and node.layer.bias_is_column:
            places = torch.cat([places, node.slots[1].of(numbers).view(len(places), -1, 1)], 2)
        graph.places[key] = places.contiguous()
    return graph.places[key]
