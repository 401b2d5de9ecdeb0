"""All columns of codes at once: their levels are numbered one after the other, so that one table serves all of them."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from lightning_modules.objectives.level_code import LevelCode


@dataclass(frozen=True, eq=False)
class JointCodes:
    """Columns of codes that stand side by side.

    Attributes:
        codes: the columns, at least one.
    """

    codes: tuple[LevelCode, ...]
    # Rows, as they were, and their levels: whoever has gathered for some rows scatters for them next.
    _last: list[tuple[Tensor, int, Tensor]] = field(default_factory=list, repr=False)

    @cached_property
    def features(self) -> Tensor | slice:
        """Places of all their features (w,), as a slice where these are together."""
        slices = [code.features for code in self.codes]
        if all(one.stop == next_one.start for one, next_one in pairwise(slices)):
            return slice(slices[0].start, slices[-1].stop)
        device = self.factor.device
        return torch.cat([torch.arange(each.start, each.stop, device=device) for each in slices])

    @cached_property
    def factor(self) -> Tensor:
        """a (w,)."""
        return torch.cat([code.factor for code in self.codes])

    @cached_property
    def shift(self) -> Tensor:
        """c (w,)."""
        return torch.cat([code.shift for code in self.codes])

    def of(self, x: Tensor) -> Tensor:
        """The number of each row's level, code after code: rows (m, c) -> (k m,)."""
        version = -1 if x.is_inference() else x._version
        for rows, its_version, known in self._last:
            if rows is x and version == its_version >= 0:
                return known
        # Column by column, each into memory in one piece: a transposed copy is several times slower.
        levels = torch.empty(len(self.codes), len(x), dtype=torch.long, device=x.device)
        for own, code in zip(levels, self.codes, strict=True):
            own.copy_(x[:, code.place])
        found = levels.add_(self._references[:, None]).view(-1)
        self._last[:] = [(x, version, found)]
        return found

    def gathered(self, weight: Tensor, x: Tensor) -> Tensor:
        """Σ_codes of what each row's level has in a table (K, w), 0 for references: (m, K)."""
        table = weight.new_zeros(self._count, len(weight)).index_copy(0, self._levels, weight.T)
        levels = self.of(x)
        if len(weight) == 1:
            return table[:, 0].index_select(0, levels).view(len(self.codes), -1).sum(0)[:, None]
        return table.index_select(0, levels).view(len(self.codes), -1, len(weight)).sum(0)

    def summed(self, g: Tensor, x: Tensor) -> Tensor:
        """Σ g (m, K) over the rows of each level but the references: (w, K)."""
        levels, total = self.of(x), g.new_zeros(self._count, g.shape[1])
        if g.shape[1] == 1:
            total[:, 0].scatter_add_(0, levels, g[:, 0].expand(len(self.codes), -1).flatten())
        else:
            total.index_add_(0, levels, g.expand(len(self.codes), -1, -1).flatten(0, 1))
        return total.index_select(0, self._levels)

    @cached_property
    def _count(self) -> int:
        """Levels, references too."""
        return sum(code.levels for code in self.codes)

    @cached_property
    def _references(self) -> Tensor:
        """The number of each code's level 0 (k,)."""
        levels = torch.tensor([0, *(code.levels for code in self.codes[:-1])], device=self.factor.device)
        return levels.cumsum(0)

    @cached_property
    def _levels(self) -> Tensor:
        """The number of each feature's level (w,)."""
        numbers = torch.arange(self._count, device=self.factor.device)
        is_feature = torch.ones(self._count, dtype=torch.bool, device=self.factor.device)
        is_feature[self._references] = False
        return numbers[is_feature]
