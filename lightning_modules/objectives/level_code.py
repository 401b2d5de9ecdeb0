"""A column of codes: which of its levels each row has, and what these are as features."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class LevelCode:
    """The features of a column of codes.

    Attributes:
        place: of the column among the stored ones.
        features: places of its w features among all d.
        shift: c (w,).
        factor: a (w,), positive.
    """

    place: int
    features: slice
    shift: Tensor
    factor: Tensor

    @property
    def levels(self) -> int:
        """w + 1."""
        return len(self.factor) + 1

    def of(self, x: Tensor) -> Tensor:
        """l of each row (m,)."""
        return x[:, self.place].long()

    def on(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """a and c (w,) in the type of `like`, and on its device."""
        return self.factor.to(like), self.shift.to(like)

    def summed(self, values: Tensor, codes: Tensor) -> Tensor:
        """Σ of the values (m,) of the rows of each level: (w + 1,)."""
        return values.new_zeros(self.levels).scatter_add_(0, codes, values)
