r"""The rows of SJ of a dense network, by the two factors that each of them is made of in a layer.

    ∂(Sf)_i/∂W_ℓ = s_i h_iᵀ,    ∂(Sf)_i/∂b_ℓ = s_i            s_i (out,): down from a row of S,   h_i (in,): the layer's inputs

    ⟨row i, row j⟩_w = Σ_ℓ (s_iᵀ s_j) (h_iᵀ diag(w_ℓ) h_j + w_b)      where the weights w are the same for all units of a layer

so that M, of m p numbers, is never formed: m Σ_ℓ out + n Σ_ℓ in numbers are kept, and m² in a product of the rows. The
damping of a network is the same for all units of a layer (`NetworkObjective.pooled`); with other weights the rows are
written out, some units at a time.
"""

from itertools import pairwise

import torch
from torch import Tensor

from lightning_modules.objectives.layered.network_loss import NetworkLoss
from lightning_modules.objectives.layered.trace import Trace, layers_of
from lightning_modules.objectives.passes import Passes
from lightning_modules.objectives.reduction import joined_rows
from lightning_modules.solvers import FactorRows

# Of rows that are written out there are so many numbers at a time.
WRITTEN_NUMBERS = 2**24


class NetworkRows(FactorRows):
    """M = SJ/√n of the rows on all processes, C rows of S for each row of data: m = C n.

    Args:
        loss: the network on its rows.
        passes: of the rows of this process.

    Attributes:
        slopes: s of each layer (C, n, out), divided by √n.
        inputs: h of each layer (n, in).
    """

    def __init__(self, loss: NetworkLoss, passes: Passes[Trace]) -> None:
        self.network = loss.network
        widths, factors = loss.network.widths, loss.num_factors
        sizes = [*(factors * out for out in widths[1:]), *widths[:-1]]
        own = [_factors(trace, loss.pointwise.curvature_factor(trace.outputs, y)) for y, trace in passes.parts(loss.chunk_rows)]
        rows = joined_rows(torch.cat([*own, passes.theta.new_zeros(0, sum(sizes)).double()]), loss.reduction)
        parts = rows.split(sizes, 1)
        scale = loss.num_rows**-0.5
        # One after the other in memory for each row of S, so that products of them are views.
        self.slopes = [
            (scale * part).unflatten(1, (factors, -1)).transpose(0, 1).contiguous() for part in parts[: len(widths) - 1]
        ]
        self.inputs = [part.contiguous() for part in parts[len(widths) - 1 :]]

    @property
    def num_rows(self) -> int:
        factors, rows, _ = self.slopes[0].shape
        return factors * rows

    def times(self, v: Tensor) -> Tensor:
        layers = layers_of(self.network, v)
        images = [
            torch.einsum("cio,io->ci", s, torch.addmm(layer.bias, h, layer.weight.T))
            for s, h, layer in zip(self.slopes, self.inputs, layers, strict=True)
        ]
        return torch.stack(images).sum(0).flatten()

    def transposed(self, u: Tensor) -> Tensor:
        u = u.view(self.slopes[0].shape[:2])
        product = u.new_empty(sum((width + 1) * out for width, out in pairwise(self.network.widths)))
        for s, h, layer in zip(self.slopes, self.inputs, layers_of(self.network, product), strict=True):
            e = torch.einsum("ci,cio->io", u, s)
            torch.mm(e.T, h, out=layer.weight)
            torch.sum(e, 0, out=layer.bias)
        return product

    def squares(self) -> Tensor:
        product = self.inputs[0].new_empty(sum((width + 1) * out for width, out in pairwise(self.network.widths)))
        for s, h, layer in zip(self.slopes, self.inputs, layers_of(self.network, product), strict=True):
            square = s.square().sum(0)
            torch.mm(square.T, h.square(), out=layer.weight)
            torch.sum(square, 0, out=layer.bias)
        return product

    def columns(self, places: Tensor) -> Tensor:
        columns, start, ascending = [], 0, places.sort().values
        for s, h in zip(self.slopes, self.inputs, strict=True):
            out, width = s.shape[2], h.shape[1]
            weights = _within(ascending, start, out * width)
            biases = _within(ascending, start := start + out * width, out)
            start += out
            columns += [s[..., weights // width] * h[:, weights % width], s[..., biases]]
        by_place = torch.cat(columns, 2).flatten(0, 1)
        return by_place[:, places.argsort().argsort()]

    def gram(self, weights: Tensor) -> Tensor:
        factors, rows, _ = self.slopes[0].shape
        gram = weights.new_zeros(self.num_rows, self.num_rows)
        by_rows = gram.view(factors, rows, factors, rows)
        for s, h, w in zip(self.slopes, self.inputs, layers_of(self.network, weights), strict=True):
            slopes = s.flatten(0, 1)
            if _are_alike(w.weight, h):
                products = (h * w.weight[0]) @ h.T
                if is_same := bool((w.bias == w.bias[0]).all()):
                    products += w.bias[0]
                by_rows += (slopes @ slopes.T).view(by_rows.shape).mul_(products[:, None])
                if is_same:
                    continue
            else:
                self._add_written_out(gram, s, h, w.weight)
            gram.addmm_(slopes * w.bias, slopes.T)
        return gram

    def _add_written_out(self, gram: Tensor, s: Tensor, h: Tensor, weights: Tensor) -> None:
        """Add a layer's part to the inner products (m, m), its rows written out; weights (out, in)."""
        units = max(1, WRITTEN_NUMBERS // (self.num_rows * h.shape[1]))
        for some, w in zip(s.split(units, 2), weights.split(units), strict=True):
            written = (some[..., None] * h[:, None]).flatten(2).flatten(0, 1)
            gram.addmm_(written * w.flatten(), written.T)


def _are_alike(weights: Tensor, h: Tensor) -> bool:
    """Whether weights (out, in) are the same for all units of a layer, but for inputs (n, in) that are 0 in all rows."""
    if torch.equal(weights, weights[:1].expand_as(weights)):
        return True
    used = h.any(0)
    return torch.equal(weights[:, used], weights[:1, used].expand(len(weights), -1))


def _factors(trace: Trace, factor: Tensor) -> Tensor:
    """s of all layers, and h of all layers, of some rows: S (C, n, K) -> (n, C Σ out + Σ in)."""
    slopes = [s.transpose(0, 1).flatten(1) for _, _, s in trace.down(factor)][::-1]
    return torch.cat([*slopes, *trace.inputs], 1).double()


def _within(places: Tensor, start: int, size: int) -> Tensor:
    """Those of the places that lie within a range, counted from its start."""
    return places[(places >= start) & (places < start + size)] - start
