r"""One pass of rows through a graph of layers, and the two sweeps that its derivatives are made of.

    up      dh_ℓ = ∂F_ℓ/∂w dw_ℓ + Σ_x ∂F_ℓ/∂x dx         from the features to the outputs, along dθ
    down    e_x = Σ_{ℓ takes x} (∂F_ℓ/∂x)ᵀ e_ℓ           from the outputs to every layer that has, or depends on, weights

Several vectors at once are stacked in front of the rows. What each layer does is its own (`layers`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from lightning_modules.objectives.graphs.graph import Graph, Node
from lightning_modules.objectives.layers import Embedding, Visit, Weights


@dataclass(frozen=True)
class Sweeps:
    """What a pass leaves behind.

    Attributes:
        graph: the layers.
        rows: the features (n, …).
        visits: the rows at each layer.
    """

    graph: Graph
    rows: Tensor
    visits: list[Visit]

    @classmethod
    def of(cls, graph: Graph, theta: Tensor, rows: Tensor) -> "Sweeps":
        """Take rows (n, …) through the layers at θ (p,)."""
        values, visits = [rows], []
        for node in graph.nodes:
            weights, inputs = node.weights(theta), tuple(values[index] for index in node.inputs)
            visits.append(node.layer.visit(weights, inputs))
            values.append(visits[-1].output)
        return cls(graph, rows, visits)

    @property
    def outputs(self) -> Tensor:
        """f (n, K)."""
        return self.visits[-1].output

    def split(self, rows: int) -> Iterator["Sweeps"]:
        """The same pass in parts of at most so many rows."""
        count = len(self.outputs)
        if rows >= count:
            yield self
            return
        for start in range(0, count, rows):
            part = slice(start, start + rows)
            visits = [
                Visit(
                    visit.weights,
                    tuple(x[part] for x in visit.inputs),
                    visit.output[part],
                    {name: each[part] for name, each in visit.known.items()},
                )
                for visit in self.visits
            ]
            yield Sweeps(self.graph, self.rows[part], visits)

    def up(self, direction: Tensor) -> Tensor:
        """df (k, n, K) along k directions (k, p)."""
        moves: list[Tensor | None] = [None]
        for node, visit in zip(self.graph.nodes, self.visits, strict=True):
            inputs = tuple(moves[index] for index in node.inputs)
            moved = None
            if self.graph.moves[len(moves)] and (node.slots or any(dx is not None for dx in inputs)):
                dw: Weights = node.weights(direction)
                moved = node.layer.up(visit, dw, inputs)
            moves.append(moved)
            for index in node.inputs:
                if self.graph.last_use[index] == len(moves) - 1:
                    moves[index] = None
        last = moves[-1]
        return torch.zeros_like(self.outputs).expand(len(direction), *self.outputs.shape) if last is None else last

    def down(self, e: Tensor) -> Iterator[tuple[Node, Visit, Tensor]]:
        """Each layer with weights and e = ∂L/∂h there (k, n, …), the last first, from k of them at the outputs (k, n, K)."""
        arriving: dict[int, Tensor] = {len(self.visits): e}
        for index in range(len(self.visits), 0, -1):
            here = arriving.pop(index, None)
            if here is None or not self.graph.moves[index]:
                continue
            node, visit = self.graph.nodes[index - 1], self.visits[index - 1]
            if node.slots:
                yield node, visit, here
            if not any(self.graph.moves[value] for value in node.inputs):
                continue
            for value, below in zip(node.inputs, node.layer.down(visit, here), strict=True):
                if below is not None and self.graph.moves[value]:
                    arriving[value] = below if value not in arriving else arriving[value] + below


def taken(graph: Graph, features: Tensor, theta: Tensor) -> Tensor:
    """Features in the type that the layers take: that of θ, or whole numbers where these are looked up."""
    is_looked_up = any(isinstance(node.layer, Embedding) and 0 in node.inputs for node in graph.nodes)
    return features.long() if is_looked_up and not features.is_floating_point() else features.to(theta.dtype)


def numbers_of_a_row(graph: Graph, rows: Tensor, num_outputs: int) -> tuple[int, int]:
    """How many numbers the layers give of a row, all together and the one that gives most.

    Args:
        graph: the layers.
        rows: any number of rows (n, …), for their shape, type and place.
        num_outputs: K, what the loss takes.

    Raises:
        ValueError: a row does not fit the layers, or the last one does not give K numbers.
    """
    key = (tuple(rows.shape[1:]), rows.dtype, rows.device, num_outputs)
    if key in graph.sizes:
        return graph.sizes[key]
    theta = torch.zeros(graph.size, device=rows.device, dtype=rows.dtype if rows.is_floating_point() else None)
    shape = tuple(rows.shape[1:])
    if graph.row_shape not in (None, shape):
        raise ValueError(f"{graph.name} was followed on rows of shape {graph.row_shape}, not {shape}: follow it anew on these")
    try:
        zeros = torch.zeros(2, *shape, dtype=rows.dtype, device=rows.device)
        sweeps = Sweeps.of(graph, theta, taken(graph, zeros, theta))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"rows of shape {shape} do not fit {graph.name}: {reason}") from error
    if sweeps.outputs.shape != (2, num_outputs):
        raise ValueError(
            f"{graph.name} makes outputs of shape {tuple(sweeps.outputs.shape[1:])} of a row of shape {shape}, the loss takes "
            f"({num_outputs},): make its last layer give {num_outputs} numbers, or the loss take what it gives (num_outputs=…)"
        )
    numbers = [prod(visit.output.shape[1:]) for visit in sweeps.visits]
    graph.sizes[key] = sum(numbers), max(numbers)
    return graph.sizes[key]
