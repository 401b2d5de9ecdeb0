r"""What one kind of layer says of itself, for every derivative of a network it is part of.

    forward     h = F(w, x)                                                       each row by itself
    up          dw, dx → dh = ∂F/∂w dw + ∂F/∂x dx
    down        e = ∂L/∂h → ∂L/∂x = (∂F/∂x)ᵀ e
    rows        e → (∂F_i/∂w)ᵀ e_i of each row i                                  the gradient of a row by the weights
    gradients   e → Σ_i (∂F_i/∂w)ᵀ e_i
    squares     s → Σ_i Σ_c ((∂F_i/∂w)ᵀ s_ci)²                                    the diagonal of Σ_i JᵢᵀSᵢᵀSᵢJᵢ

A weight that is used at many positions of a row is summed over these positions *before* it is squared. What this class does
is automatic differentiation of `forward` alone, right for every layer that takes each row by itself; a kind overrides what it
can do better, and is tested against it.

Several vectors at once are stacked in front of the rows: e (k, n, …).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import vjp, vmap

from lightning_modules.objectives.differentiation import recording

Weights = tuple[Tensor, ...]

# Of the gradients of rows that are held at once: 128 MiB in float64.
GRADIENT_NUMBERS = 2**24


@dataclass(frozen=True)
class Visit:
    """Rows at a layer.

    Attributes:
        weights: w, in the order of the layer's `parameters`.
        inputs: x (n, …), one for each of its inputs.
        output: h (n, …).
        known: what sweeps have computed of this visit, by name.
    """

    weights: Weights
    inputs: tuple[Tensor, ...]
    output: Tensor
    known: dict[str, Tensor] = field(default_factory=dict)


class Layer(ABC):
    """One kind of layer.

    Attributes:
        parameters: the names of its weights, as its module has them.
        is_piecewise_linear: whether h is piecewise linear in the inputs together.
        is_linear_in_weights: whether it is in each single weight.
        is_constant: whether h stays where it is when the inputs move a little, as x > 0 does.
    """

    parameters: tuple[str, ...] = ()
    is_piecewise_linear = False
    is_linear_in_weights = True
    is_constant = False

    @abstractmethod
    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        """h: w, x (n, …) -> (n, …)."""

    def visit(self, weights: Weights, inputs: tuple[Tensor, ...]) -> Visit:
        """A pass of rows, with what it learns on its way that the sweeps need."""
        return Visit(weights, inputs, self.forward(weights, *inputs))

    def up(self, visit: Visit, moves: Weights, inputs: tuple[Tensor | None, ...]) -> Tensor:
        """dh (k, n, …) along k directions at once.

        Args:
            visit: the rows here.
            moves: dw, each (k, …).
            inputs: dx (k, n, …) of each input; None where it does not move.
        """
        moved = [index for index, dx in enumerate(inputs) if dx is not None]
        directions = [*moves, *(dx for dx in inputs if dx is not None)]
        with recording():
            leaves = [each.detach().requires_grad_() for each in (*visit.weights, *(visit.inputs[index] for index in moved))]
            count, every = len(visit.weights), list(visit.inputs)
            for index, leaf in zip(moved, leaves[count:], strict=True):
                every[index] = leaf
            outputs = self.forward(tuple(leaves[:count]), *every)
            # u → Jᵀu is linear in u, so that pulling a direction back through it gives J times the direction: many functions of
            # torch have no derivative of a forward pass, all have this one. At any u: some divide by it, so it is not 0.
            u = torch.ones_like(outputs, requires_grad=True)
            pulled = torch.autograd.grad(outputs, leaves, u, create_graph=True, materialize_grads=True)
            if not any(each.requires_grad for each in pulled):
                return torch.zeros_like(outputs).expand(len(directions[0]), *outputs.shape)
            is_one = len(directions[0]) == 1
            along = [each[0] if is_one else each for each in directions]
            found = torch.autograd.grad(pulled, u, along, is_grads_batched=not is_one, materialize_grads=True)[0]
        return found[None] if is_one else found

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        """∂L/∂x (k, n, …) of each input, from ∂L/∂h (k, n, …); None of one that holds whole numbers."""
        real = [index for index, x in enumerate(visit.inputs) if x.is_floating_point()]
        # Rows do not know of each other, so k vectors for n rows are one vector for k·n rows.
        repeated = [x.expand(len(e), *x.shape).flatten(0, 1) for x in visit.inputs]

        def outputs(*x: Tensor) -> Tensor:
            every = list(repeated)
            for index, each in zip(real, x, strict=True):
                every[index] = each
            return self.forward(visit.weights, *every)

        with recording():
            below = vjp(outputs, *(repeated[index] for index in real))[1](e.flatten(0, 1))
        found = dict(zip(real, below, strict=True))
        return [found[index].detach().unflatten(0, e.shape[:2]) if index in found else None for index in range(len(repeated))]

    def rows(self, visit: Visit, e: Tensor) -> list[Tensor]:
        """The gradient of each row by each weight (k, n, *shape), from e (k, n, …)."""

        def of_row(each: Tensor, *x: Tensor) -> Weights:
            def outputs(*w: Tensor) -> Tensor:
                return self.forward(w, *(one[None] for one in x))[0]

            result: Weights = vjp(outputs, *visit.weights)[1](each)
            return result

        with recording():
            of_rows = vmap(of_row, in_dims=(0, *(0 for _ in visit.inputs)))
            found = vmap(of_rows, in_dims=(0, *(None for _ in visit.inputs)))(e, *visit.inputs)
        return [each.detach() for each in found]

    def gradients(self, visit: Visit, e: Tensor) -> list[Tensor]:
        """The sum of the rows' gradients by each weight (k, *shape), from e (k, n, …)."""

        def outputs(*w: Tensor) -> Tensor:
            return self.forward(w, *visit.inputs)

        with recording():
            found = vmap(vjp(outputs, *visit.weights)[1])(e)
        return [each.detach() for each in found]

    def squares(self, visit: Visit, s: Tensor) -> list[Tensor]:
        """Σ over rows and factors of the squared gradients by each weight, *shape, from s (C, n, …)."""
        sums = [torch.zeros_like(weight) for weight in visit.weights]
        # A row's gradient has as many numbers as the weights.
        few = max(1, GRADIENT_NUMBERS // (len(s) * sum(weight.numel() for weight in visit.weights)))
        for start in range(0, s.shape[1], few):
            part = slice(start, start + few)
            rows = Visit(visit.weights, tuple(x[part] for x in visit.inputs), visit.output[part])
            for total, each in zip(sums, self.rows(rows, s[:, part]), strict=True):
                total.add_(each.square().sum((0, 1)))
        return sums


def folded(vectors: Tensor) -> Tensor:
    """k vectors for n rows as one vector for k·n rows: (k, n, …) -> (k·n, …)."""
    return vectors.flatten(0, 1)


def unfolded(vectors: Tensor, k: int) -> Tensor:
    """The other way: (k·n, …) -> (k, n, …)."""
    return vectors.unflatten(0, (k, -1))
