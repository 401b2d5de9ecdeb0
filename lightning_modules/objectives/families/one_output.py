"""Families of one linear predictor a row, whose curvature is a number: the weight of the row."""

from abc import abstractmethod

from torch import Tensor

from lightning_modules.objectives.families.family import Family


class OneOutput(Family):
    """l(z, y) with one z a row, told by ∂²l/∂z² and its expectation."""

    has_row_weights = True
    # Whether ∂²l/∂z² depends on no target.
    is_canonical = False

    def __init__(self) -> None:
        super().__init__(num_outputs=1)

    @abstractmethod
    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        """∂²l/∂z²: (n, 1), checked targets -> (n, 1)."""

    def expected_second_derivative(self, z: Tensor) -> Tensor:
        """E[∂²l/∂z²] for y ~ μ(z), of a link that is not canonical: (n, 1) -> (n, 1)."""
        raise NotImplementedError

    @property
    def expected(self) -> Family:
        return self if self.is_canonical else FisherScoring(self)

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        return self.second_derivative(z, y)[:, :, None]

    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        return self.second_derivative(z, y)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self.second_derivative(z, y) * v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self.second_derivative(z, y).sqrt()[None]


class FisherScoring(OneOutput):
    """A family with the expected information in place of the observed one.

    Args:
        family: whose loss, gradient and mean it has.
    """

    def __init__(self, family: OneOutput) -> None:
        super().__init__()
        self.family, self.self_concordance = family, family.self_concordance
        self.has_units, self.separation = family.has_units, family.separation

    def check(self, targets: Tensor) -> Tensor:
        return self.family.check(targets)

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.loss(z, y)

    def mean(self, z: Tensor) -> Tensor:
        return self.family.mean(z)

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.gradient(z, y)

    def second_derivative(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.expected_second_derivative(z)

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.recession(z, y)

    def gradient_terms(self, z: Tensor, y: Tensor) -> Tensor:
        return self.family.gradient_terms(z, y)
