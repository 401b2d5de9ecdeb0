r"""A summed loss in the two parts of its Gauss–Newton matrix, and what its diagonal is estimated by.

    loss = ℓ(f(θ)),      C = JᵀHJ,      J = ∂f/∂θ,   H = ∂²ℓ/∂f²

With e a random slope of the outputs, of mean 0 and covariance E eeᵀ = H,

    diag C = E (Jᵀe)²                  a backward pass for each draw of e; of m draws each entry scatters by √(2/m) of itself

which no entry of C off its diagonal adds to, as it does to products with random signs (`rademacher.py`); and the rows of f need
not be independent of each other.

Source: H. Liu et al., Sophia: A scalable stochastic second-order optimizer for language model pre-training (2023), section
2.3, where e is the slope at labels that are drawn from the model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Takes the module at θ and this process's batch, returns the sum of the rows' losses ().
SummedLoss = Callable[[Any, Any], Tensor]
# Takes outputs f, this process's batch and a generator, returns a random slope e like f.
RandomSlope = Callable[[Tensor, Any, torch.Generator], Tensor]


@dataclass(frozen=True)
class SplitLoss:
    """A summed loss in the two parts that the Gauss–Newton matrix JᵀHJ takes: loss = output_loss ∘ outputs.

    JᵀHJ is positive semidefinite if `output_loss` is convex in the outputs; put as much into it as is.

    Attributes:
        outputs: (module, batch) -> f, all that depends on the module's parameters: a tensor of any shape.
        output_loss: (f, batch) -> the sum of the losses of the batch's rows ().
        random_slope: (f, batch, generator) -> e like f, of mean 0 and covariance ∂²output_loss/∂f², by which diagonals are
            estimated; without it by products with the matrix, which scatter more.
        infimum: a number that the mean loss of no batch falls below; None where none is known.
        is_convex: whether `output_loss` is known to be convex in the outputs. Where it is not, Newton's method looks at each
            step whether the matrix is positive definite, and takes the absolute values of its eigenvalues if it is not.
    """

    outputs: Callable[[Any, Any], Tensor]
    output_loss: Callable[[Tensor, Any], Tensor]
    random_slope: RandomSlope | None = None
    infimum: float | None = None
    is_convex: bool = False

    def __call__(self, module: Any, batch: Any) -> Tensor:
        """The loss as one function: (module, batch) -> ()."""
        return self.output_loss(self.outputs(module, batch), batch)
