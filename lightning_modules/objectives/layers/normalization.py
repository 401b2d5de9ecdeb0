r"""Normalisations of a row by itself, or by frozen statistics:  h = γ ⊙ x̂ + β,  x̂ = (x − mean) / √(variance + ε).

h is linear in γ and β, so their gradients are sums of e ⊙ x̂ and of e over the positions that share them.
"""

from abc import abstractmethod

from torch import Tensor, nn
from torch.nn.functional import group_norm, instance_norm, layer_norm, rms_norm

from lightning_modules.objectives.layers.layer import Layer, Visit, Weights


class Normalization(Layer):
    """γ ⊙ x̂ + β."""

    # In γ and β it is, but not in x: what lies below bends.
    is_piecewise_linear = False

    def __init__(self, module: nn.Module) -> None:
        self.parameters = tuple(name for name in ("weight", "bias") if getattr(module, name, None) is not None)

    @abstractmethod
    def normalized(self, x: Tensor) -> Tensor:
        """x̂: (n, …) -> the same."""

    def shared(self, e: Tensor, weight: Tensor) -> Tensor:
        """The sum over the positions that share an entry of γ: (k, n, …) -> (k, n, *shape); here one of each channel."""
        return e.flatten(3).sum(3) if e.ndim > 3 else e

    def broadcast(self, weight: Tensor, x: Tensor) -> Tensor:
        """γ so that it multiplies x (n, …)."""
        return weight.view(-1, *(1 for _ in x.shape[2:]))

    def forward(self, weights: Weights, *inputs: Tensor) -> Tensor:
        h = self.normalized(inputs[0])
        for name, each in zip(self.parameters, weights, strict=True):
            h = h * self.broadcast(each, h) if name == "weight" else h + self.broadcast(each, h)
        return h

    def rows(self, visit: Visit, e: Tensor) -> list[Tensor]:
        if "normalized" not in visit.known:
            visit.known["normalized"] = self.normalized(visit.inputs[0])
        of_name = {"weight": lambda: e * visit.known["normalized"], "bias": lambda: e}
        pairs = zip(self.parameters, visit.weights, strict=True)
        return [self.shared(of_name[name](), each) for name, each in pairs]


class LayerNormalization(Normalization):
    """Over the last dimensions, γ one number for each place of them.

    Args:
        module: whose form it has.
    """

    def __init__(self, module: nn.LayerNorm | nn.RMSNorm) -> None:
        super().__init__(module)
        self.shape, self.eps = list(module.normalized_shape), module.eps

    def normalized(self, x: Tensor) -> Tensor:
        assert self.eps is not None, "a LayerNorm has one"
        return layer_norm(x, self.shape, eps=self.eps)

    def shared(self, e: Tensor, weight: Tensor) -> Tensor:
        between = range(2, e.ndim - len(self.shape))
        return e.sum(tuple(between)) if between else e

    def broadcast(self, weight: Tensor, x: Tensor) -> Tensor:
        return weight


class RootMeanSquareNormalization(LayerNormalization):
    """Likewise, without taking the mean away:  x̂ = x / √(mean of x² + ε).

    Args:
        module: whose form it has.
    """

    def normalized(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.shape, eps=self.eps)


class GroupNormalization(Normalization):
    """Over groups of channels and all positions.

    Args:
        module: whose form it has.
    """

    def __init__(self, module: nn.GroupNorm) -> None:
        super().__init__(module)
        self.groups, self.eps = module.num_groups, module.eps

    def normalized(self, x: Tensor) -> Tensor:
        return group_norm(x, self.groups, eps=self.eps)


class InstanceNormalization(Normalization):
    """Over the positions of each channel.

    Args:
        module: whose form it has, without running statistics.
    """

    def __init__(self, module: nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d) -> None:
        super().__init__(module)
        self.eps = module.eps

    def normalized(self, x: Tensor) -> Tensor:
        return instance_norm(x, eps=self.eps)


class FrozenNormalization(Normalization):
    """By the mean and variance that a batch normalisation keeps, in evaluation mode: a scale and a shift of each channel.

    Args:
        module: whose statistics it reads, whenever it is asked.
    """

    is_piecewise_linear = True

    def __init__(self, module: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__(module)
        self.module = module

    def normalized(self, x: Tensor) -> Tensor:
        mean, variance = self.module.running_mean, self.module.running_var
        assert mean is not None and variance is not None, "without running statistics it normalises by the batch"
        scale = (variance.to(x) + self.module.eps).rsqrt()
        return (x - self.broadcast(mean.to(x), x)) * self.broadcast(scale, x)

    def down(self, visit: Visit, e: Tensor) -> list[Tensor | None]:
        variance, x = self.module.running_var, visit.inputs[0]
        assert variance is not None
        scale = (variance.to(x) + self.module.eps).rsqrt()
        if "weight" in self.parameters:
            scale = scale * visit.weights[0]
        return [e * self.broadcast(scale, x)]
