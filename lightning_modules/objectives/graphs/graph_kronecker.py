"""Kronecker factors of the layers of a graph, by one sweep down from the rows of the loss's curvature; see `kronecker.py`."""

import torch
from torch import Tensor

from lightning_modules.objectives.graphs.graph import Graph, Node
from lightning_modules.objectives.graphs.graph_loss import GraphLoss
from lightning_modules.objectives.graphs.sweeps import Sweeps
from lightning_modules.objectives.kronecker import KroneckerBlock, KroneckerCurvature, Sharing, bordered, second_moments
from lightning_modules.objectives.layers import Affine, Visit
from lightning_modules.objectives.passes import Passes


def kronecker_curvature(loss: GraphLoss, passes: Passes[Sweeps], sharing: Sharing) -> KroneckerCurvature:
    """G ⊗ A of every affine layer, and the exact diagonal of the others.

    Args:
        loss: the layers on their rows.
        passes: of the rows at a point.
        sharing: "expand" or "reduce".
    """
    theta = passes.theta
    sums: dict[int, tuple[Tensor, Tensor]] = {}
    rest = torch.zeros_like(theta)
    for y, sweeps in passes.parts(loss.rows_of_vectors(loss.num_factors)):
        for node, visit, s in sweeps.down(loss.pointwise.curvature_factor(sweeps.outputs, y)):
            if not isinstance(node.layer, Affine):
                for slot, squares in zip(node.slots, node.layer.squares(visit, s), strict=True):
                    slot.of(rest).add_(squares)
                continue
            factors = _factors(node.layer, visit, s, sharing)
            before = sums.get(id(node))
            sums[id(node)] = factors if before is None else (before[0] + factors[0], before[1] + factors[1])
            if len(node.slots) > 1 and not node.layer.bias_is_column:
                node.slots[1].of(rest).add_(node.layer.bias_rows(s).square().sum((0, 1)))
    nodes = [node for node in loss.graph.nodes if isinstance(node.layer, Affine)]
    shapes = {id(node): _shapes(node) for node in nodes}
    # Of a process without rows there is nothing to add.
    own = [sums.get(id(node)) or tuple(theta.new_zeros(shape) for shape in shapes[id(node)]) for node in nodes]
    parts = [rest, *(each.flatten() for pair in own for each in pair)]
    means = iter(loss.mean(torch.cat(parts)).split([part.numel() for part in parts]))
    rest = next(means)
    blocks = []
    for node in nodes:
        inputs, outputs = (next(means).view(shape) for shape in shapes[id(node)])
        blocks.append(KroneckerBlock(inputs, outputs, _places(loss.graph, node, theta.device)))
    return KroneckerCurvature(blocks, loss.penalised(rest, torch.ones_like(theta)))


def _factors(layer: Affine, visit: Visit, s: Tensor, sharing: Sharing) -> tuple[Tensor, Tensor]:
    """Sums over rows, A with a border for the bias: (g, in, in), (g, out, out)."""
    x, out = layer.positions_in(visit), layer.positions_out(visit, s)
    positions = x.shape[3]
    has_column = len(visit.weights) > 1 and layer.bias_is_column
    if sharing == "reduce":
        x, out, positions = x.mean(3, keepdim=True), out.sum(4, keepdim=True), 1
    flat = x.permute(1, 2, 0, 3).flatten(2)
    moments = second_moments(flat)
    inputs = bordered(moments, flat.sum(2), float(flat.shape[2])) if has_column else moments
    return inputs / positions, second_moments(out.permute(2, 3, 0, 1, 4).flatten(2))


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
