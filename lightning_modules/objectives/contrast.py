r"""The contrastive loss of two views of each image, in the two parts that its Gauss–Newton matrix takes.

    z_ij = s(i, j)/τ,  j ≠ i          of the 2b views here against those of all processes; s the cosine of their projections
    loss = ½ Σ_i [ logsumexp_j z_ij − z_ii′ ]                 i′ the other view of i's image: a row of z is a softmax regression

The loss couples the rows of a batch, since z_ij depends on two of them; but it is convex in z, a sum over rows of z, and its
curvature there is that of softmax regression. One draw of a label for each row therefore makes a random slope e with
E eeᵀ = ∂²loss/∂z², and the squares of Jᵀe are the diagonal of JᵀHJ in expectation.

Source of the loss: T. Chen et al., A simple framework for contrastive learning of visual representations (2020), equation 1.
Source of the draws: J. Martens, New insights and perspectives on the natural gradient method (2020), section 9.2, where the
label drawn from the model's own distribution gives the Fisher matrix, here the Gauss–Newton matrix.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from lightning_modules.objectives.reduction import Reduction, this_process
from lightning_modules.objectives.split_loss import SplitLoss


def contrastive(projections: Any, temperature: float, images: list[int], reduction: Reduction = this_process) -> SplitLoss:
    """The loss of a batch as a sum over this process's images.

    Args:
        projections: (module, batch) -> (2b, d), the first views of this process's b images, then their second ones.
        temperature: τ > 0.
        images: of the batch on each process.
        reduction: sums over processes.
    """
    before, own, total = sum(images[: reduction.rank]), images[reduction.rank], sum(images)

    def places(device: torch.device) -> tuple[Tensor, Tensor]:
        """Where the columns of all views have each own view, and the other one of its image: (2b,), (2b,)."""
        image = torch.arange(before, before + own, device=device)
        return torch.cat([image, total + image]), torch.cat([total + image, image])

    def outputs(module: Any, batch: Any) -> Tensor:
        """z (2b, 2B − 1), the cosine of each view with itself left out."""
        views = normalize(projections(module, batch), dim=1)
        z = views @ _of_all(views, before, total, reduction).T / temperature
        itself, _ = places(z.device)
        others = torch.arange(2 * total - 1, device=z.device).expand(2 * own, -1)
        return z.gather(1, others + (others >= itself[:, None]))

    def partners(z: Tensor) -> Tensor:
        """The column of z where each view's other one is (2b,)."""
        itself, other = places(z.device)
        return other - (other > itself).long()

    def loss(z: Tensor, batch: Any) -> Tensor:
        return cross_entropy(z, partners(z), reduction="sum") / 2

    def slope(z: Tensor, batch: Any, generator: torch.Generator) -> Tensor:
        probabilities = torch.softmax(z, 1)
        drawn = torch.multinomial(probabilities, 1, generator=generator)
        return probabilities.scatter_add(1, drawn, torch.full_like(z[:, :1], -1.0)) / 2**0.5

    return SplitLoss(outputs, loss, slope, infimum=0.0, is_convex=True)


def _of_all(views: Tensor, before: int, total: int, reduction: Reduction) -> Tensor:
    """The views of all processes, all first ones before all second ones: (2b, d) -> (2B, d)."""
    if reduction.num_processes == 1:
        return views
    own = len(views) // 2
    slots = torch.zeros(2, total, views.shape[1], dtype=views.dtype, device=views.device)
    slots = torch.cat([slots[:, :before], views.view(2, own, -1), slots[:, before + own :]], 1)
    summed: Tensor = _Summed.apply(slots, reduction)
    return summed.flatten(0, 1)


class _Summed(torch.autograd.Function):
    """The sum over processes, to be differentiated any number of times: what is pulled back through a sum is summed too."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, reduction: Reduction) -> Tensor:
        ctx.reduction = reduction
        return reduction(own)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return _Summed.apply(slopes[0], ctx.reduction), None
