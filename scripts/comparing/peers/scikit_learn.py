"""scikit-learn's logistic regression: the judge of who reached the penalised optimum."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import Parameter

from comparing.peers.peer import Peer
from comparing.run import Run
from datamodules.messages import counted
from lightning_modules.objectives import GLMObjective, Point
from lightning_modules.optimizers import CurvatureOptimizer, StepReport

# What is nearer another machine rounds otherwise.
ROUNDING = 1e-12
# The others penalise the bias as well (liblinear) or draw random numbers (sag, saga).
Solver = Literal["lbfgs", "newton-cg", "newton-cholesky"]


@dataclass(frozen=True)
class ScikitLearn(Peer):
    """`LogisticRegression(C=1/(n·l2))`, whose minimiser is that of our objective: mean loss + l2/2 ‖W‖², the bias free.

    Args:
        solver: lbfgs, newton-cg or newton-cholesky.
        tol: it stops where ‖∇‖∞ of the mean loss with penalty is at most this; > 0. The verdict holds it to that as well.
        max_iter: iterations after which it gives up.
    """

    solver: Solver
    tol: float
    max_iter: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.tol < float("inf") or self.max_iter < 1:
            raise ValueError(f"ScikitLearn(tol={self.tol}, max_iter={self.max_iter}): give a tol > 0 and a max_iter ≥ 1")

    def method(self, comparison: dict[str, Any]) -> dict[str, Any]:
        self.classifier(comparison)
        if not float(comparison["model"].get("init_args", {}).get("l2", 0.0)) > 0:
            raise ValueError(
                "ScikitLearn minimises with a penalty: give the comparison's model an l2 > 0, or leave this peer out"
            )
        settings = {"solver": self.solver, "tolerance": self.tol, "max_iter": self.max_iter}
        return {
            "max_epochs": 1,
            "data": {"batch_size": None},
            "optimizer": {"class_path": f"{__name__}.{ScikitLearnSolver.__name__}", "init_args": settings},
        }

    def observe(self, own: Run, runs: dict[str, Run]) -> list[str]:
        (iterations,) = own.history["curvature/iterations"]
        sentences = [
            f"{own.label}'s one epoch is {counted(round(iterations), 'iteration')} of {self.solver}, each "
            "over all training rows."
        ]
        for run in runs.values():
            if run is not own and run.summary["status"] == "converged":
                excess = run.objective - own.objective
                place = (
                    f"{abs(excess):.1e} {'above' if excess > 0 else 'below'}" if abs(excess) > ROUNDING else "to rounding at"
                )
                sentences.append(f"{run.label} ended {place} {own.label}'s training objective.")
        return sentences


class ScikitLearnSolver(CurvatureOptimizer):
    """θ ← what scikit-learn returns for the objective's rows, in one step.

    Args:
        params: the parameters of a penalised classifier, one group.
        solver, tolerance, max_iter: as `solver`, `tol` and `max_iter` of `ScikitLearn`.
    """

    def __init__(self, params: Iterable[Parameter], solver: Solver, tolerance: float, max_iter: int) -> None:
        super().__init__(params, lr=1.0, tolerance=tolerance, solver=solver, max_iter=max_iter)

    def direction(self, point: Point, gradient: Tensor) -> Tensor:
        """θ* − θ: (p,) -> (p,).

        Raises:
            ValueError: other processes hold some of the rows, or these have an offset.
        """
        return self._fitted(point)[0] - point.theta

    def advance(self, report: StepReport, gradient: Tensor) -> "SolverReport":
        theta, iterations = self._fitted(report.point)
        return SolverReport(report.point, report.gradient_max, theta, step_size=1.0, iterations=iterations)

    def _fitted(self, point: Point) -> tuple[Tensor, int]:
        """θ* (p,), and the iterations it took."""
        rows, group = cast(GLMObjective, point.objective), self.param_groups[0]
        if len(rows.features) < rows.num_rows:
            raise ValueError("scikit-learn solves on one process: compare with trainer.devices=1")
        weights, offset = rows.rows.terms_of_rows.parts
        if offset is not None:
            raise ValueError("scikit-learn's LogisticRegression takes no offset: leave this peer out")
        model = LogisticRegression(
            C=1 / (float(rows.rows.weight) * rows.l2),
            fit_intercept=rows.rows.has_constant,
            solver=group["solver"],
            tol=group["tolerance"],
            max_iter=group["max_iter"],
        )
        by = None if weights is None else weights.flatten().cpu().numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the verdict at the end of the run says it
            features = rows.rows.columns.expanded(rows.features)
            model.fit(features.cpu().numpy(), rows.targets.flatten().cpu().numpy(), by)
        intercept = model.intercept_ if rows.rows.has_constant else []
        theta = torch.from_numpy(np.concatenate([model.coef_.ravel(), intercept])).to(point.theta)
        return theta, int(model.n_iter_.max())


@dataclass(frozen=True, eq=False)
class SolverReport(StepReport):
    """The one step of a solver.

    Attributes:
        iterations: how many it took of its own.
    """

    iterations: int | None = None
