r"""Columns of numbers, and columns of codes that stand for the indicators of their levels, which are never written out; and
sparse features, see `slots.py`.

A code l = 0, 1, …, w of a column with w indicators gives the features

    φ_j = a_j [l = j] − c_j ,      j = 1 … w          a_j = 1 / s_j ,  c_j = m_j / s_j

with mean m_j and deviation s_j of each indicator; code 0 is the reference, which has none. Products with W gather, sums over
rows scatter, and second moments count pairs:

    φ Wᵀ      = (a ∘ W)_l − Σ_j c_j W_j
    Σ g φ_j   = a_j Σ_(l = j) g − c_j Σ g
    Σ w φ_j φ'_k  =  a_j T_jk a'_k − a_j t_j c'_k − c_j t'_k a'_k + c_j c'_k Σ w

with T_jk the weight of the rows with l = j and l' = k, t_j and t'_k of those with one of them.

Source: the split matrices of tabmat, https://github.com/Quantco/tabmat, which do so for generalised linear models.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.joint_codes import JointCodes
from lightning_modules.objectives.level_code import LevelCode
from lightning_modules.objectives.row_lengths import squared_lengths
from lightning_modules.objectives.slots import Slots

# So many numbers at a time, if they have to be.
WRITTEN_OUT = 2**18


@dataclass(frozen=True, eq=False)
class CodedColumns(Columns):
    """As above: rows are stored as their numbers x_1 … x_q, their codes, and their slots.

    Attributes:
        num_features: d.
        numbers: places of the numbers' features among all d: the first q stored columns.
        widths: w of the columns of codes, which follow.
        firsts: where the features of each of them begin.
        mean: m (d,), 0 for all but those of codes.
        deviation: s (d,), 1 for numbers.
        num_slots: of the features that are neither numbers nor of codes.
        long_rows: of rows with more of them than there are slots, see `slots.py` (l, d); None where there are none.
    """

    numbers: tuple[int, ...]
    widths: tuple[int, ...]
    firsts: tuple[int, ...]
    mean: Tensor = field(repr=False)
    deviation: Tensor = field(repr=False)
    num_slots: int = 0
    long_rows: Tensor | None = field(default=None, repr=False)

    @property
    def num_stored(self) -> int:
        return len(self.numbers) + len(self.widths) + 2 * self.num_slots + (self.long_rows is not None)

    @property
    def are_written_out(self) -> bool:
        return False

    @cached_property
    def codes(self) -> tuple[LevelCode, ...]:
        """The columns of codes."""
        found, q = [], len(self.numbers)
        for number, (width, first) in enumerate(zip(self.widths, self.firsts, strict=True)):
            features = slice(first, first + width)
            mean, deviation = self.mean[features].double(), self.deviation[features].double()
            found.append(LevelCode(q + number, features, mean / deviation, 1 / deviation))
        return tuple(found)

    @cached_property
    def _joint(self) -> tuple[JointCodes, ...]:
        """All codes, or none."""
        return (JointCodes(self.codes),) if self.codes else ()

    @cached_property
    def _slots(self) -> tuple[Slots, ...]:
        """One or none."""
        first = len(self.numbers) + len(self.widths)
        long_rows = self.mean.new_empty(0, self.num_features) if self.long_rows is None else self.long_rows
        return (Slots(first, self.num_slots, self.deviation.double(), long_rows),) if self.num_slots else ()

    @cached_property
    def _numbers(self) -> slice | Tensor:
        """The features that are numbers, as a slice where they are together."""
        first, q = (self.numbers[0], len(self.numbers)) if self.numbers else (0, 0)
        are_together = self.numbers == tuple(range(first, first + q))
        return slice(first, first + q) if are_together else torch.tensor(self.numbers, device=self.mean.device)

    def _numbers_of(self, x: Tensor) -> Tensor:
        return x[:, : len(self.numbers)]

    def are_numbers(self, device: torch.device) -> Tensor:
        found = torch.zeros(self.num_features, dtype=torch.bool, device=device)
        found[self._numbers] = True
        return found

    def shifted(self, x: Tensor, centre: Tensor) -> Tensor:
        q = len(self.numbers)
        return torch.cat([x[:, :q] - centre[self._numbers], x[:, q:]], 1)

    def moved(self, x: Tensor, shift: Tensor) -> tuple[Tensor, Columns]:
        """Sparse features stay where they are: the shift is 0 for them."""
        shift = shift.to(self.mean)
        others = torch.where(self.are_numbers(shift.device), 0.0, shift)
        return self.shifted(x, -shift.to(x)), replace(self, mean=self.mean - others * self.deviation)

    def expanded(self, x: Tensor) -> Tensor:
        d, c = self.num_features, self.num_stored
        features = x.new_zeros(len(x), d + x.shape[1] - c)
        for slots in self._slots:
            slots.write_out(features[:, :d], x)
        features[:, :d][:, self._numbers], features[:, d:] = self._numbers_of(x), x[:, c:]
        for code in self.codes:
            # As indicators are scaled, so that features written out by others are the same to the last bit.
            mean, deviation = (part[code.features].double().to(x.device) for part in (self.mean, self.deviation))
            zero, one = ((value / deviation).to(x.dtype) for value in (-mean, 1 - mean))
            # The reference has a column of its own, which is left out.
            block, codes = torch.cat([zero.new_zeros(1), zero]).repeat(len(x), 1), code.of(x)
            block.scatter_(1, codes[:, None], torch.cat([one.new_zeros(1), one])[codes][:, None])
            features[:, code.features] = block[:, 1:]
        return features

    def product(self, x: Tensor, weight: Tensor, bias: Tensor, out: Tensor | None = None) -> Tensor:
        parts = []
        for joint in self._joint:
            own = weight[:, joint.features]
            parts.append(joint.gathered(own * joint.factor.to(own), x))
            bias = bias - own @ joint.shift.to(own)
        parts += [slots.product(x, weight) for slots in self._slots]
        numbers, of_numbers = self._numbers_of(x), weight[:, self._numbers].T
        if out is None:
            return torch.addmm(bias, numbers, of_numbers) + sum(parts)
        torch.addmm(bias, numbers, of_numbers, out=out)
        for part in parts:
            out += part
        return out

    def product_of_magnitudes(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        weight, bias = weight.abs(), bias.abs()
        total = self._numbers_of(x).abs() @ weight[:, self._numbers].T
        for joint in self._joint:
            own = weight[:, joint.features]
            total += joint.gathered(own * joint.factor.to(own), x)
            bias = bias + own @ joint.shift.abs().to(own)
        for slots in self._slots:
            total += slots.product(x, weight, magnitudes=True)
        return total + bias

    def add_transposed(self, total: Tensor, g: Tensor, x: Tensor) -> None:
        total[:, self._numbers] += g.T @ self._numbers_of(x)
        for joint in self._joint:
            own = joint.summed(g, x).T * joint.factor.to(g)
            total[:, joint.features] += own.sub_(torch.outer(g.sum(0), joint.shift.to(g)))
        for slots in self._slots:
            slots.add_transposed(total, g, x)

    def transposed_magnitudes(self, g: Tensor, x: Tensor, scale: Tensor) -> Tensor:
        total, sums = g.new_zeros(len(scale), g.shape[1]), g.sum(0)
        total[self.num_features :] = sums
        for slots in self._slots:
            slots.add_transposed(total[: self.num_features].T, g, x, magnitudes=True)
        for joint in self._joint:
            factor, shift = joint.factor.to(g), joint.shift.abs().to(g)
            total[joint.features] = joint.summed(g, x) * factor[:, None] + torch.outer(shift, sums)
        total *= scale[:, None]
        own = scale[: self.num_features][self._numbers]
        total[: self.num_features][self._numbers] = (self._numbers_of(x).double() * own).abs().T @ g
        return total

    def add_transposed_squares(self, total: Tensor, g: Tensor, x: Tensor) -> None:
        total[:, self._numbers] += g.T @ self._numbers_of(x).square()
        sums = g.sum(0)
        for joint in self._joint:
            factor, shift, summed = joint.factor.to(g), joint.shift.to(g), joint.summed(g, x).T
            total[:, joint.features] += summed * (factor - shift).square() + (sums[:, None] - summed) * shift.square()
        for slots in self._slots:
            slots.add_transposed(total, g, x, squared=True)

    def add_gram(self, total: Tensor, weights: Tensor, x: Tensor) -> None:
        # One number of all rows after the other, so that it is added up level by level where it lies.
        numbers, sum_of_weights = self._numbers_of(x).T.contiguous(), weights.sum()
        weighted = numbers * weights
        codes = [code.of(x) for code in self.codes]
        places = torch.arange(self.num_features, device=x.device)
        at = places[self._numbers]
        total[at[:, None], at] += weighted @ numbers.T
        columns, of_level = weighted.sum(1), [code.summed(weights, of) for code, of in zip(self.codes, codes, strict=True)]
        for number, (code, own) in enumerate(zip(self.codes, codes, strict=True)):
            factor, shift = code.on(weights)
            summed = weights.new_zeros(len(numbers), code.levels).scatter_add_(1, own.expand(len(numbers), -1), weighted)
            cross = factor[:, None] * summed[:, 1:].T - torch.outer(shift, columns)  # with the numbers
            total[places[code.features][:, None], at] += cross
            total[at[:, None], places[code.features]] += cross.T
            mine = factor * of_level[number][1:]
            block = sum_of_weights * torch.outer(shift, shift) - torch.outer(mine, shift) - torch.outer(shift, mine)
            block.diagonal().add_(factor * mine)
            total[code.features, code.features] += block
            for before in range(number):
                other = self.codes[before]
                other_factor, other_shift = other.on(weights)
                theirs = other_factor * of_level[before][1:]
                pairs = weights.new_zeros(code.levels * other.levels)
                pairs.scatter_add_(0, own * other.levels + codes[before], weights)
                block = factor[:, None] * pairs.view(code.levels, other.levels)[1:, 1:] * other_factor
                block += sum_of_weights * torch.outer(shift, other_shift)
                block -= torch.outer(mine, other_shift) + torch.outer(shift, theirs)
                total[code.features, other.features] += block
                total[other.features, code.features] += block.T
        for slots in self._slots:
            slots.add_gram(total, weights, x)
            crosses = [(at, slots.summed_with(weighted, x))] if len(numbers) else []
            sums = slots.summed_with(weights[None], x)
            for code, own in zip(self.codes, codes, strict=True):
                factor, shift = code.on(weights)
                by_level = slots.summed_by(own, code.levels, weights, x)[1:]
                crosses.append((places[code.features], factor[:, None] * by_level - shift[:, None] * sums))
            for rows, cross in crosses:
                total[rows] += cross
                total[:, rows] += cross.T

    def largest(self, x: Tensor) -> Tensor:
        largest = torch.zeros(self.num_features, dtype=torch.float64, device=x.device)
        for slots in self._slots:
            largest = slots.largest(x)
        largest[self._numbers] = self._numbers_of(x).abs().amax(0).double()
        for code in self.codes:
            factor, shift = code.on(largest)
            largest[code.features] = torch.maximum((factor - shift).abs(), shift.abs())
        return largest

    def squared_lengths(self, x: Tensor, scale: Tensor, half: Tensor) -> Tensor:
        if self._slots:
            pieces = x.split(max(1, WRITTEN_OUT // self.num_features))
            return torch.cat([super(CodedColumns, self).squared_lengths(piece, scale, half) for piece in pieces])
        numbers = self._numbers_of(x).double() * scale[: self.num_features][self._numbers]
        return squared_lengths(numbers, half[: self.num_features][self._numbers], self.codes, x, half * scale[:, None])
