"""Newton's method."""

from collections.abc import Iterable
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.devices import asked, is_asynchronous
from lightning_modules.objectives import Objective, Point
from lightning_modules.optimizers.damped_optimizer import ChosenKind, DampedOptimizer
from lightning_modules.optimizers.damping import GainRatioDamping
from lightning_modules.optimizers.dense_limit import refuse_dense, refuse_rows
from lightning_modules.optimizers.descent import descend
from lightning_modules.optimizers.kinks import by_proximal_step
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from lightning_modules.optimizers.optimality import Stationarity, loss_unit
from lightning_modules.optimizers.parameter_scale import bend_to, energy
from lightning_modules.optimizers.precise_step import by_precise_step
from lightning_modules.optimizers.sampled_steps import SampledState, SampledSteps, decrement_bound, sampled, smallest_sample
from lightning_modules.optimizers.solver_choice import DENSE, ChosenSolver, Way, check_solver, chosen
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.trust_region import TrustRegion
from lightning_modules.solvers import SingularCurvatureError, Solver

# Below so many rows, or rows for each parameter, the curvature of some of them saves nothing.
FEWEST_ROWS, FEWEST_INTERVAL, INTERVAL = 4096, 64, 8
# Steps over few rows that make the first one over all.
FIRST_STEPS = 20


class Newton(DampedOptimizer):
    """θ ← θ − lr (H + μD)⁻¹ ∇f(θ), H = ∇²f(θ) or its Gauss–Newton part, D the parameters' own scale.

    With the defaults it is the pure Newton step wherever the quadratic model predicts well, and damped where it does not.
    One step minimises a least-squares loss; on smooth convex losses the number of correct digits doubles per step.

    Logistic and softmax regression on tall tables take the gradient of all rows and the curvature of every 8th, as long as
    that is enough (`sampled_steps.py`): each step costs a gradient, and the end is the same.

    Under an l1 penalty steps are proximal ones: the penalty is taken as it is, beside the quadratic model of the rest, and
    coefficients are exactly 0 where it says so.

    Args:
        params: the parameters, one group.
        lr: step size, > 0; 1 is the full Newton step.
        damping: μ ≥ 0 added to the diagonal of the curvature of the *mean* loss, or "adaptive": a share of each parameter's
            own curvature, learnt from how well the model predicts (`damping.py`), or for functions what keeps a step within
            a trust region (`trust_region.py`). For the curvature of a *summed* loss divide its damping by the number of rows.
        curvature: "ggn" for the generalised Gauss–Newton matrix (never indefinite), or "hessian"; where that is indefinite,
            the absolute values of its eigenvalues count, or its Gauss–Newton part in fitting curves by least squares. "auto" is
            the Hessian of a convex loss, of a generalised linear model, and the former of others. With a canonical link both
            are the same; with another "ggn" is the expected information, Fisher scoring.
        solver: "cholesky" forms the p × p matrix; "cg" needs products with it only; "woodbury" takes its step by a matrix
            with a row for each output of each row of the data, where these are fewer than the parameters and the
            curvature is "ggn" (`solvers/woodbury.py`). "auto" is "woodbury" for networks and least squares of at least 256
            parameters, twice as many as outputs of all rows, up to 4096 of these; else "cholesky" for few parameters, up to 128
            in logistic and softmax regression and 2048 otherwise, and "cg" for more.
        search: null for the constant step lr, "backtracking" to halve it until the loss decreases enough (Armijo); needs a
            fixed damping.
        tolerance: how small gradient and Newton decrement have to be in units of the loss (`optimality.py`) for it to stop;
            null = 3.7e-11 (float64).
        curvature_rows: "all" rows, at least so many rows, or "auto": every 8th of a table of at least 4096 rows, and 512 for
            each feature. Only with adaptive damping and lr 1, by a matrix.

    Raises:
        ValueError: a hyper-parameter out of its range; at the first step, a dense matrix above 4 GiB, or a solver that does not
            suit the loss.
    """

    state_class: ClassVar[type[SampledState]] = SampledState
    takes_kinks = True  # steps under an l1 penalty are known to it

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1.0,
        damping: float | Literal["adaptive"] = "adaptive",
        curvature: ChosenKind = "auto",
        solver: ChosenSolver = "auto",
        search: Literal["backtracking"] | None = None,
        tolerance: float | None = None,
        curvature_rows: int | Literal["auto", "all"] = "auto",
    ) -> None:
        check_solver(solver)
        is_number = isinstance(curvature_rows, int) and not isinstance(curvature_rows, bool)
        if curvature_rows not in ("auto", "all") and not (is_number and int(curvature_rows) >= 1):
            raise ValueError(f"Newton(curvature_rows={curvature_rows!r}): choose 'auto', 'all', or a number of rows ≥ 1")
        if is_number and (damping != "adaptive" or lr != 1 or solver not in DENSE):
            raise ValueError(
                f"Newton(curvature_rows={curvature_rows}): the curvature of some rows is for damping='adaptive', lr=1 and a "
                "matrix; use curvature_rows='all'"
            )
        super().__init__(
            params,
            lr=lr,
            damping=damping,
            curvature=curvature,
            search=search,
            tolerance=tolerance,
            solver=solver,
            curvature_rows=curvature_rows,
        )

    @property
    def kept(self) -> SampledState:
        return self.state_class(**self._kept)

    def advance(self, report: StepReport, gradient: Tensor) -> StepReport:
        if report.point.objective.has_kinks:
            return by_proximal_step(report, gradient, self.kind(report.point.objective))
        state, theta = self.kept, report.point.theta
        state.row_interval = state.row_interval or self.row_interval(report.point.objective)
        if state.row_interval > 1:
            refuse_dense(len(theta), "curvature over some rows")
            steps = SampledSteps(state, minimise=self._minimise_few)
            advanced = steps.advance(report, gradient)
            self.keep(state)
            if advanced is not None:
                return advanced
        return self._by_better_step(report, gradient) or super().advance(report, gradient)

    def _better_step(self, point: Point, gradient: Tensor) -> tuple[Tensor, float] | None:
        """`Point.newton_step`, where this method takes undamped steps by a matrix."""
        is_plain = self.param_groups[0]["damping"] == "adaptive" and not self.damping and not point.objective.is_sample
        if not is_plain or not self.forms_matrix(point):
            return None
        is_own = asked((gradient == point.gradient).all())
        found = point.newton_step()
        return found if is_own else None

    def _by_better_step(self, report: StepReport, gradient: Tensor) -> StepReport | None:
        """An undamped step with more digits than C⁻¹g has, where the point knows one; None if the damping has to decide."""
        found = self._better_step(report.point, gradient)
        return None if found is None else by_precise_step(report, found, self.param_groups[0]["lr"])

    def begin(self, objective: Objective, theta: Tensor) -> Tensor:
        """Of a tall table at the minimiser of a sample, which is nearer than θ and costs less than one look at all rows."""
        state = self.kept
        if objective.has_kinks or state.row_interval or (interval := self.row_interval(objective)) == 1:
            return theta
        state.row_interval = interval
        try:
            found = SampledSteps(state, minimise=self._minimise_few).begin(objective, theta)
        except (NonFiniteLossError, SingularCurvatureError):  # which a look at all rows says better
            return theta
        if found is None:
            return theta
        self.keep(state)
        return found

    def row_interval(self, objective: Objective) -> int:
        """k, to begin with the curvature over every k-th row."""
        group = self.param_groups[0]
        rows = group["curvature_rows"]
        can_skip = objective.is_convex and not objective.is_sample and objective.rows_per_parameter > 0
        if not can_skip or rows == "all":
            return 1
        if rows != "auto":
            return max(1, min(objective.num_rows // int(rows), smallest_sample(objective)))
        is_plain = group["damping"] == "adaptive" and group["lr"] == 1 and group["solver"] in DENSE
        # The curvature of least squares is needed once.
        is_tall = objective.num_rows >= FEWEST_ROWS and smallest_sample(objective) >= FEWEST_INTERVAL
        return INTERVAL if is_plain and is_tall and not objective.is_quadratic else 1

    def _minimise_few(self, objective: Objective, theta: Tensor) -> Tensor:
        """θ of the least loss, as far as so few rows can tell it: to where half the squared decrement is the noise p/n."""
        noise = len(theta) / objective.num_rows

        def is_enough(report: StepReport) -> bool:
            return float(report.newton_decrement or 0) ** 2 <= noise

        return descend(objective, theta, partial(Newton, curvature_rows="all"), FIRST_STEPS, is_enough).theta

    def _is_optimal(self, report: StepReport, gradient: Tensor) -> bool:
        point, state = report.point, self.kept
        objective, tolerance = point.objective, self.tolerance(point.theta)
        if objective.has_kinks:
            return point.is_proved(tolerance)
        if state.factor is not None and state.scale is not None:
            stationary = Stationarity(objective, gradient, state.scale, point.theta, tolerance)
            if not stationary:
                return False
            # Most often the fewest rows are enough, and cheap.
            coarsest = min(FEWEST_INTERVAL, smallest_sample(objective))
            for interval in sorted({coarsest, state.row_interval}, reverse=True):
                if decrement_bound(point, gradient, interval) / 2 <= tolerance * stationary.unit:
                    return True
        # Where columns are so badly conditioned that a better step is known, it goes on until no step comes nearer.
        return super()._is_optimal(report, gradient) and self._better_step(point, gradient) is None

    def _foresee(self, report: StepReport, gradient: Tensor) -> None:
        curvature = report.point.curvature(self.kind(report.point.objective))
        if is_asynchronous(gradient) and not curvature.is_semidefinite and self.forms_matrix(report.point):
            curvature.is_definite()  # asked for now, it is read with whether the point is optimal

    def scale_at(self, point: Point) -> Tensor:
        is_sampled = self.row_interval(point.objective) > 1
        return super().scale_at(sampled(point, smallest_sample(point.objective)) if is_sampled else point)

    def rule(self, point: Point, solver: Solver, gradient: Tensor, scale: Tensor) -> GainRatioDamping | TrustRegion:
        """A trust region where the loss may have narrow valleys and solutions are exact; a damping by the gain ratio else."""
        if not self._has_valleys(point.objective) or not solver.is_exact:
            return super().rule(point, solver, gradient, scale)
        state = self.kept
        if state.radius is not None:
            return TrustRegion(state.radius, float(state.damping or 0.0))
        # As long as θ, or as a step damped by as much as there is curvature: a parameter that starts at 0 has to come away.
        length = max(energy(scale, point.theta), energy(scale, solver.solve(gradient, scale)))
        return TrustRegion(length**0.5, 0.0)

    def solver(self, point: Point, gradient: Tensor) -> Solver:
        theta, kind = point.theta, self.kind(point.objective)
        curvature, way = point.curvature(kind), self.way(point)
        if way == "cg":
            # Residuals that shrink like √‖g‖, in units of the loss, keep the convergence superlinear (Nocedal and Wright,
            # theorem 7.2), and what is below a tenth of the tolerance nobody asked for.
            kept, tolerance = self.kept.scale, self.tolerance(theta)
            scale = curvature.scale().double() if kept is None else kept
            inverse = 1 / scale.clamp_min(torch.finfo(scale.dtype).tiny)
            bent, unit = asked(bend_to(inverse, gradient)), loss_unit(point.objective, scale, theta, tolerance)
            size = float(bent) / unit if unit else 0.0
            floor = 0.1 * tolerance / (size**0.5 or 1.0)
            return curvature.solver("cg", tolerance=min(0.1, max(size**0.25, floor)))
        if way == "woodbury":
            refuse_rows(curvature.num_factor_rows)
        else:
            refuse_dense(len(theta), kind)
        return curvature.solver(way, awaited=not self._judges_later(point))

    def _judges_later(self, point: Point) -> bool:
        """Whether a device is not waited for to learn that a matrix is singular: its step is nan, and rejected when it is
        judged. A trust region has to know."""
        is_adaptive = self.param_groups[0]["damping"] == "adaptive"
        return is_adaptive and not self._has_valleys(point.objective) and is_asynchronous(point.theta)

    @staticmethod
    def _has_valleys(objective: Objective) -> bool:
        """Whether the loss may have narrow valleys, and more than a sample of it is seen."""
        return not (objective.is_convex or objective.is_redundant or objective.is_sample)

    def way(self, point: Point) -> Way:
        """How C is solved with, see `solver_choice.py`."""
        return chosen(self.param_groups[0]["solver"], point, self.kind(point.objective))

    def forms_matrix(self, point: Point) -> bool:
        """Whether C is solved with as a p × p matrix."""
        return self.way(point) == "dense"
