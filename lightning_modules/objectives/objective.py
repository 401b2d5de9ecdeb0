"""One loss, seen by every method: a function of the flat parameter vector whose derivatives are asked for at a point.

A subclass writes `value`; everything else follows by automatic differentiation. A closed form has a `Point` and a
`Curvature` of its own, and what these classes themselves compute stays available as its oracle: they use `value` (or
`outputs`, `output_loss` and `penalty`) alone.

Conventions
-----------
- θ (p,) is laid out as `torch.nn.utils.parameters_to_vector(module.parameters())`.
- `value` is the *mean* loss over all rows plus the penalty; gradient and curvature are its derivatives, penalty included.
- The generalised Gauss–Newton matrix needs the split  value(θ) = ℓ(f(θ)) + r(θ)  into `outputs` f, `output_loss` ℓ and
  `penalty` r.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn
from typing_extensions import Self

from lightning_modules.devices import Number, asked, is_asynchronous
from lightning_modules.objectives.curvature import Curvature
from lightning_modules.objectives.differentiation import recording, saying_what_is_wrong
from lightning_modules.objectives.kind import Kind, check_kind
from lightning_modules.objectives.knowledge import Knowledge

NO_GGN = "{} is not split into model and loss, so it has no Gauss–Newton matrix: use curvature='hessian'"


class Point:
    """θ with the value, the gradient and the curvature of an objective there.

    What it gives is what it keeps: copy it before you change it in place.

    Args:
        objective: the loss.
        theta: θ (p,); copied, so that it may be changed in place afterwards.
    """

    def __init__(self, objective: "Objective", theta: Tensor) -> None:
        self.objective = objective
        self.theta = theta.detach().clone()
        self._results: dict[str, dict[str, Any]] = {}
        self._forward: tuple[Tensor, Tensor] | None = None

    @cached_property
    def value(self) -> Tensor:
        """Mean loss plus penalty ()."""
        if self._forward is None:
            self._forward = self._pass()
        return self._forward[1].detach()

    @cached_property
    def gradient(self) -> Tensor:
        """∇ value (p,), from the pass that `value` has made or will not have to make again."""
        leaf, value = self._forward or self._pass()
        self._forward = None  # the backward pass frees what the forward pass has left behind
        self.__dict__.setdefault("value", value.detach())
        with saying_what_is_wrong():
            (gradient,) = torch.autograd.grad(value, leaf, materialize_grads=True)
        return gradient

    @cached_property
    def total(self) -> Number | Tensor:
        """A number that is finite only if the value and every entry of the gradient are."""
        return asked(self.value + self.gradient.sum())

    def curvature(self, kind: Kind) -> Curvature:
        """The Hessian ("hessian") or its generalised Gauss–Newton part ("ggn") at θ.

        Raises:
            ValueError: another kind.
            NotImplementedError: "ggn" of an objective that is not split into model and loss.
        """
        check_kind(kind)
        return self.make_curvature(kind)

    def bend(self, trial: "Point") -> Tensor | None:
        """What the bend of the model adds to the gradient on the way to a trial (p,), see `Curvature.bend`; None of a loss that
        is not split into model and loss."""
        if not self.objective.is_split:
            return None
        return self.curvature("ggn").bend(trial.theta - self.theta)

    def make_curvature(self, kind: Kind) -> Curvature:
        """A view of the point; a closed form makes its own."""
        return Curvature(self, kind)

    def newton_step(self) -> tuple[Tensor, float] | None:
        """The Newton step −H⁻¹g (p,) and λ² = gᵀH⁻¹g, where more digits of them are to be had than by forming H; else None."""
        return None

    def proximal_step(self, kind: Kind) -> "tuple[Point, float] | None":
        """Of a loss with kinks, the point that a step leads to and the share of the whole step that was gone; None if no share
        of it decreases the loss."""
        raise NotImplementedError(f"{type(self.objective).__name__} has no proximal step")

    def is_proved(self, tolerance: float) -> bool:
        """Of a loss with kinks, whether `Objective.proof_at` holds here; it costs little far from where it might."""
        proof = self.objective.proof_at(self.theta, tolerance)
        return proof is not None and proof.holds

    def results_of(self, kind: Kind) -> dict[str, Any]:
        """What has been computed of a curvature: kept here, since a kept curvature would hold its point in a circle."""
        return self._results.setdefault(kind, {})

    def is_at(self, theta: Tensor) -> bool:
        """Whether θ (p,) is this point, number by number and in the same precision."""
        mine = self.theta
        if mine.dtype != theta.dtype or mine.device != theta.device:
            return False
        return bool(asked((mine == theta).all())) if is_asynchronous(theta) else torch.equal(mine, theta)

    def _pass(self) -> tuple[Tensor, Tensor]:
        """θ as a leaf, and the value () as a function of it.

        Raises:
            ValueError: the value does not depend on θ as far as torch can tell.
        """
        with recording():
            leaf = self.theta.clone().requires_grad_()
            value = self.objective.value(leaf)
        if not value.requires_grad:
            raise ValueError(
                "the value does not depend on θ: is it detached, or computed outside torch? Use operations of torch throughout"
                ", without .item(), .detach(), numpy or whole numbers"
            )
        return leaf, value

    def __getstate__(self) -> dict[str, Any]:
        """A copy computes anew what hangs together by graphs, which cannot be copied."""
        return {**vars(self), "_forward": None, "_results": {}}


class Objective(Knowledge, ABC):
    """Mean loss of a model on a data set, as a function of its flat parameters θ (p,).

    What else is known of it: `Knowledge`.

    Attributes:
        is_sample: whether these rows are a sample that changes from step to step, so that what they say is to be averaged.
        is_convex: whether the loss is convex in θ, so that its Hessian has no negative eigenvalue.
        is_quadratic: whether the Hessian is the same everywhere, so that one Newton step ends at the minimiser.
        num_rows: n, over all processes; 0 for a function that is no mean over rows.
    """

    is_sample = False
    is_convex = False
    is_quadratic = False
    num_rows = 0
    _last: "Point | ReferenceType[Point] | None" = None
    _owner: "ReferenceType[nn.Module] | None" = None  # see `own_parameters.py`

    # -- what it is ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def value(self, theta: Tensor) -> Tensor:
        """Mean loss plus penalty, as a function to be differentiated: (p,) -> ()."""

    def outputs(self, theta: Tensor) -> Tensor:
        """f(θ), the model's outputs for every row this process holds: (p,) -> (n, K)."""
        raise NotImplementedError(NO_GGN.format(type(self).__name__))

    def output_loss(self, outputs: Tensor) -> Tensor:
        """ℓ, the mean loss of given outputs: (n, K) -> ()."""
        raise NotImplementedError(NO_GGN.format(type(self).__name__))

    def penalty(self, theta: Tensor) -> Tensor:
        """r(θ), the part of `value` that does not depend on the data: (p,) -> ()."""
        return theta.new_zeros(())

    @property
    def is_split(self) -> bool:
        """Whether `outputs` and `output_loss` are given, ℓ being convex, so that the Gauss–Newton matrix is semidefinite."""
        return type(self).outputs is not Objective.outputs

    @property
    def has_hessian(self) -> bool:
        """Whether the second derivatives add up to the first ones: not where these jump."""
        return True

    def own_total(self) -> tuple[Tensor, int] | None:
        """Σ loss over this process's rows at a module's parameters as they are, for autograd to follow to each of them, and the
        number of rows; None of a loss that has no module."""
        return None

    # -- what is known at a point --------------------------------------------------------------------------------------

    def at(self, theta: Tensor) -> Point:
        """The point θ (p,): nothing is computed before it is asked for, and nothing twice.

        The last point is kept, and so is an accepted trial (`hold`), which is the next step's point. Whether the parameters are
        still there is looked at number by number, because anybody may change them between two steps. A sample does not come
        again, so it keeps its last point only for as long as somebody else holds it.
        """
        last = self.last
        if last is None or not last.is_at(theta):
            last = self.point(theta)
            self.hold(last)
        return last

    def hold(self, point: Point) -> None:
        """Make a point of this objective, a trial that is accepted for one, the last one."""
        self._last = ref(point) if self.is_sample else point

    def forget(self) -> None:
        """Drop the last point: after the loss itself has changed, the data in place for example, or when nobody needs it."""
        self._last = None

    @property
    def last(self) -> Point | None:
        """The point that was asked for last, if it is still there."""
        return self._last() if isinstance(self._last, ref) else self._last

    def point(self, theta: Tensor) -> Point:
        """A new point; a closed form makes its own."""
        return Point(self, theta)

    def in_proportion(self, point: Point, k: int, seed: int) -> Point | None:
        """θ of a point, of the loss of k rows that were drawn in proportion to how much their losses bend there, by a seed.

        Its Gauss–Newton matrix is an unbiased estimate of the point's, penalty included; its value and gradient are of no
        account. None where all rows bend alike, or rows and their curvature are not known.
        """
        return None

    def at_full_precision(self, theta: Tensor) -> Point:
        """The point at which a fit is judged: in float64 where what is proved counts every rounding."""
        return self.at(theta)

    def as_sample(self) -> Self:
        """The same loss, its rows taken for a sample that changes from step to step."""
        sample = object.__new__(type(self))
        vars(sample).update(vars(self), is_sample=True, _last=None)
        return sample

    def __getstate__(self) -> dict[str, Any]:
        """A copy has no last point yet: that of the original is not its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_last", "_owner")}
