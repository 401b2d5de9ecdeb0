r"""The quadratic model of a loss that is seen in samples only, one mini-batch after the other, averaged over the steps.

    v ← β_v v + (1 − β_v) diag C_t,   v̂ = v / (1 − β_vᵗ)            the curvature, with bias correction
    d = −g_t / (v̂ + μ),   μ = mean v̂                                Newton's step entry by entry, damped by the mean
    p ← β p + d                                                      past steps smooth what one sample says
    q = d + β p                                                      the direction: Nesterov's, which looks a step ahead
    b ← slope along q,   m ← curvature along q                       averaged over the samples (`next_slope.py`)
    s = l q − ω θ,   l = b/m                                         the minimiser of the averaged model along q, and decay

The length is measured, not chosen: with a diagonal in place of the matrix, d alone is hundreds of times too long wherever
features are correlated. The model of one sample overfits that sample, so it is averaged, over 200 rows or more; and since
averages move slowly, v takes in a new sample at every `refresh`-th step only (but at each of the first few).

C is the generalised Gauss–Newton matrix or the Hessian in the first line, as chosen; in the fifth it is always the former,
along whose directions the model has a minimiser.

Of a network, where many parameters say the same, some lines are others:

    d = −g_t / √(v̂ + μ),   μ = mean v̂ / 10, tensor by tensor        the root brings a sample's noise to one size everywhere
    q ← q / n,   n = |q|, averaged                                   so that b and m are of directions that compare
    b ← β_m b − (1 − β_m) g_tᵀq,   m ← β_m m + (1 − β_m) qᵀC_t q     at every `refresh`-th step, too
    m ← max(m, 2 (f_t(θ + s) − f_t(θ) − g_tᵀs) / |s/q|²)             at first: what the loss itself shows
    l ≤ b/m                                                          such that the step takes at most half of the loss

Along small curvatures, of which a network has thousands, a sample's gradient is mostly noise, of size √C: C is at once what the
loss bends by and how gradients scatter (the Fisher information). The full inverse would make that noise largest where the loss
tells least. And a network may bend far more on the way than at its start: the first steps, which no average protects, are
tried, and shortened to what was met on the way (`first_lengths.py`), and later lengths at most double from one update to the
next. All steps d are bounded by those before them (`reach.py`), and directions are measured by theirs (`direction_norm.py`).
No step sets out to take most of the loss away (`within_loss.py`), which is what a sample known by heart would have it do.
What is measured and saved is a mean of the points that the steps lead to (`mean_iterate.py`).

The mean is that of each tensor of parameters by itself. Behind units that saturate, curvatures fall by orders of magnitude from
the last layer to the first: beside the mean over all of them the first layers' are nothing, and these would hardly move.

Of a network C_t is that of some rows of the batch: it takes a sweep for each output of the network, and an average over twenty
batches scatters little more by some of their rows than by all. Of a classifier they are an eighth of the rows, drawn in
proportion to how much their losses bend (`proportional_rows.py`), else every k-th. Where there are many outputs, the sweeps are
those of a few random combinations of them (`drawn_curvature.py`).

The look ahead is worth a longer memory: p alone, at the β that q has, still runs the way of steps long past when the
gradient has turned. And the decay is no part of the loss: it is decoupled from its curvature, which would divide it where the
loss is steep and let it rule where a feature is hardly ever there. So θ forgets what no gradient asks for again, a share ω of
it a step, and where many θ say the same the small one stays.

The averages are those of Adam (Kingma and Ba, 2015, algorithm 1), taken of the exact curvature in place of squared
gradients. The length is that of Martens and Grosse (2015), section 6.4, averaged over the samples. The look ahead is that of
Sutskever, Martens, Dahl and Hinton (2013), section 2, in the form of Dozat (2016), at the same θ as the gradient; the decay
that of Loshchilov and Hutter (2019), equation 12.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives import Point
from lightning_modules.optimizers.direction_norm import averaged_norm
from lightning_modules.optimizers.draws import Draws, of_products
from lightning_modules.optimizers.first_lengths import tried
from lightning_modules.optimizers.kept_values import KeptValues
from lightning_modules.optimizers.next_slope import weigh
from lightning_modules.optimizers.no_curvature import refuse_none
from lightning_modules.optimizers.reach import within_reach
from lightning_modules.optimizers.running_state import RunningState
from lightning_modules.optimizers.thinned import thinned
from lightning_modules.optimizers.within_loss import averaged_above, within_loss

CURVATURE_MEMORY, MODEL_MEMORY = 0.95, 0.9
# Over so many rows b and m are averaged, where ten updates have fewer.
MODEL_ROWS = 200
# Of how many random draws a sample's diagonal is made where there is no exact one, and the first one, beside which there are no
# others yet: the average is one of all samples' draws.
DRAWS, FIRST_DRAWS = 2, 8
# How much longer a length may become from one update to the next.
LONGER = 2.0


class RunningModel:
    """The averages, and the step they lead to.

    Args:
        state: where they stand; its tensors are changed in place.
        momentum: β, in [0, 1).
        refresh: steps between two updates of the averages.
        kind: whether C is the generalised Gauss–Newton matrix ("ggn") or the Hessian, of which the absolute values count.
        decay: ω ≥ 0.
        of_network: whether the loss is that of a network.
        sizes: how many parameters each of the tensors has that θ (p,) is made of; None = they are one.
        values: what was computed at an earlier step and is kept.

    Attributes:
        network_damping: μ of a network, in units of the mean curvature.
        row_interval, row_draws: how a network's sample is thinned for its curvature, see `thinned`.
        draws: of which the curvature of this step's sample was estimated; None where it is exact.
    """

    network_damping: ClassVar[float] = 0.1
    row_interval: ClassVar[int] = 4
    row_draws: ClassVar[int] = 8

    def __init__(
        self,
        state: RunningState,
        momentum: float,
        refresh: int,
        kind: Literal["hessian", "ggn"],
        decay: float = 0.0,
        of_network: bool = False,
        sizes: Sequence[int] | None = None,
        values: KeptValues | None = None,
    ) -> None:
        self.state, self.momentum, self.refresh, self.kind, self.decay = state, momentum, refresh, kind, decay
        self.of_network, self.sizes, self._values = of_network, sizes, values or KeptValues()
        self.draws: Draws | None = None

    def step(self, point: Point, gradient: Tensor) -> Tensor:
        """q (p,), from a point and the gradient (p,) there on the present sample; `moved` goes along it.

        Raises:
            SingularCurvatureError: the curvature is 0 in every entry, so that it says nothing.
        """
        state, theta = self.state, point.theta
        if state.direction is None:
            state.direction = torch.zeros_like(theta)
            state.slope, state.curvature_along = theta.new_zeros(()), theta.new_zeros(())
        state.steps += 1
        is_update = self.age == 0
        if is_update:
            state.updates += 1
            how = self.row_interval, self.row_draws, self.kind, state.updates
            seen, self.draws = thinned(point, *how) if self.of_network else (point, None)
            self.take_in(point, seen)
            state.damping = self.damping()
        share = self._share(point)
        newton, state.reach = within_reach(self.newton(gradient), gradient, state.reach, 1 - share)
        past = torch.add(newton, state.direction, alpha=self.momentum, out=state.direction)
        direction = torch.add(newton, past, alpha=self.momentum)
        if not self.of_network:
            weigh(state, point, gradient, direction, share / self.refresh)
            return direction
        state.norm = averaged_norm(direction, state.norm, share * self._told(point))
        direction.div_(state.norm)
        if is_update:
            self._measure(point, seen, gradient, direction, newton, share)
        return direction

    def moved(self, theta: Tensor, direction: Tensor, step_size: Tensor, lr: float) -> Tensor:
        """θ + lr s, s = l q − ω θ: (p,), (p,), lr l (), lr -> (p,)."""
        if not self.of_network:
            self.state.last_length = step_size
        return torch.addcmul(theta * (1 - lr * self.decay) if self.decay else theta, direction, step_size)

    @property
    def age(self) -> int:
        """How many steps ago the averages took in a sample: 0 if in this one."""
        past = self.state.steps - 1
        return past % self.refresh if past >= 2 * self.refresh else 0

    def take_in(self, point: Point, seen: Point) -> None:
        """Average the curvature into v, of the point or of those of its rows that are `seen`."""
        state = self.state
        if state.curvature is None:
            state.curvature = torch.zeros_like(seen.theta)
        curvature = seen.curvature(self.kind)
        if curvature.has_diagonal:
            diagonal = curvature.diagonal()
        else:
            self.draws = of_products(DRAWS, len(seen.theta))
            diagonal = curvature.diagonal_estimate(max(DRAWS, FIRST_DRAWS // state.updates), state.updates)
        state.curvature.lerp_(diagonal if self.kind == "ggn" else diagonal.abs(), 1 - CURVATURE_MEMORY)

    def newton(self, gradient: Tensor) -> Tensor:
        """d (p,)."""
        assert self.state.curvature is not None
        return gradient / self._values.of("divisor", [self.state.curvature], self._divided_by)

    def _divided_by(self) -> Tensor:
        """−(v̂ + μ) (p,), or of a network the negative root of it."""
        damped, mean = self.averaged(), self.damping()
        if not self.of_network:
            return damped.add_(mean).neg_()
        for part in damped.split(len(damped) if self.sizes is None else list(self.sizes)):
            own = self.network_damping * part.mean()
            part.add_(torch.where(own > 0, own, mean))  # what bends nowhere has no mean of its own
        return damped.sqrt_().neg_()

    def averaged(self) -> Tensor:
        """v̂ (p,)."""
        assert self.state.curvature is not None
        averaged = self.state.curvature / (1 - CURVATURE_MEMORY**self.state.updates)
        return averaged.clamp_(min=0)  # an estimate may be negative where a Gauss–Newton matrix is not

    def diagonal(self) -> Tensor:
        """diag C (p,) that steps are divided by, before damping."""
        return self.averaged()

    def mean(self) -> Tensor:
        """Of the averaged curvature ()."""
        return self.averaged().mean()

    def damping(self) -> Tensor:
        """μ (), of a network that of all its parameters together; errors as of `step`."""
        mean = self.mean()
        refuse_none(mean)
        return self.network_damping * mean if self.of_network else mean

    def _share(self, point: Point) -> float:
        """1 − β_m, what a sample counts for in the averages of b and m."""
        return min(1 - MODEL_MEMORY, self._told(point))

    @staticmethod
    def _told(point: Point) -> float:
        """What share a sample has of the rows that an average is made of, ≤ 1."""
        rows = point.objective.num_rows
        return min(1.0, rows / MODEL_ROWS) if rows else 1.0

    @property
    def length(self) -> Tensor:
        """How far to go along q (); 0 as long as no sample had a gradient, and where the loss no longer falls along q."""
        slope, along = self.state.slope, self.state.curvature_along
        assert slope is not None and along is not None
        return within_loss(slope, along, self.state.above)

    def _measure(self, point: Point, seen: Point, gradient: Tensor, direction: Tensor, newton: Tensor, share: float) -> None:
        """Take a network's slope and curvature along the direction into the averages, the latter of `seen`.

        Where the direction leads uphill on average, the past misleads: forget it, and start from Newton's step alone, as at the
        first step. Of a device it is a choice of numbers, not a branch, for which the host would wait.
        """
        state, before = self.state, self.length
        assert state.norm is not None
        assert state.direction is not None and state.slope is not None and state.curvature_along is not None
        state.above = averaged_above(point, state.above, share)
        slope = torch.lerp(state.slope, -(gradient @ direction), share)
        is_uphill = slope <= 0
        if is_asynchronous(slope) or is_uphill:
            state.direction.copy_(torch.where(is_uphill, newton, state.direction))
            direction.copy_(torch.where(is_uphill, (1 + self.momentum) * newton / state.norm, direction))
            slope = torch.where(is_uphill, -(gradient @ direction), slope)
        along = seen.curvature("ggn").form(direction[None])[0, 0]
        state.slope = slope
        state.curvature_along = torch.where(is_uphill, along, torch.lerp(state.curvature_along, along, share))
        # A few rows that are told apart already hardly bend, and alone would send the step a hundred times farther.
        least = torch.where(before > 0, state.slope / (LONGER * before), 0.0)
        state.curvature_along = torch.maximum(state.curvature_along, least)
        if state.steps <= 2 * self.refresh:
            state.curvature_along = tried(point, direction, gradient @ direction, state.slope, state.curvature_along)
