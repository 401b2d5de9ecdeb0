r"""How far slopes of losses are from their gradients: the Fenchel–Young gaps of the losses that exponentials are made of.

    logsumexp z:    KL of probabilities q and softmax z,  Σ_k q_k log(q_k/softmax(z)_k)
    log(1 + eᶻ):    KL of a probability p and σ(z),       p log(p/σ(z)) + (1 − p) log((1 − p)/σ(−z))
    eᶻ:             KL of a mean m and eᶻ,                m log m − m z − m + eᶻ

Source: M. Blondel, A. Martins and V. Niculae, Learning with Fenchel–Young losses (2020), section 3.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

# What rounding may leave of a probability or a mean that is 0.
ROUNDING = 1e-14


def divergence(p: Tensor, q: Tensor, z: Tensor) -> Tensor:
    """Of p and q = 1 − p, both given so that neither loses digits: (n, 1) each -> (n,); infinite for p outside [0, 1]."""
    some, rest = p.clamp_min(0), q.clamp_min(0)
    gap = (
        torch.xlogy(some, some) + some * softplus(-z, threshold=40) + torch.xlogy(rest, rest) + rest * softplus(z, threshold=40)
    )
    return torch.where((p < -ROUNDING) | (q < -ROUNDING), torch.inf, gap)[:, 0]


def divergence_of_classes(q: Tensor, z: Tensor) -> Tensor:
    """Of probabilities q and softmax z: (n, K) each -> (n,); infinite for what are none."""
    some = q.clamp_min(0)
    gap = (torch.xlogy(some, some) - some * torch.log_softmax(z, 1)).sum(1)
    is_none = (q < -ROUNDING).any(1) | ((q.sum(1) - 1).abs() > 1e3 * ROUNDING)
    return torch.where(is_none, torch.inf, gap)


def exponential_gap(mean: Tensor, z: Tensor) -> Tensor:
    """Of m and eᶻ: (n, 1) each -> (n,); infinite for m < 0."""
    some, exponential = mean.clamp_min(0), z.exp()
    gap = torch.xlogy(some, some) - some * z - some + exponential
    return torch.where(mean < -ROUNDING * (1 + exponential), torch.inf, gap)[:, 0]
