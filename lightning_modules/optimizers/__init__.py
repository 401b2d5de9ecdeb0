"""Methods that minimise an `Objective`: `torch.optim.Optimizer` subclasses that know torch only."""

from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.diagonal_newton import DiagonalNewton
from lightning_modules.optimizers.gradient_descent import GradientDescent
from lightning_modules.optimizers.kronecker_newton import KroneckerNewton
from lightning_modules.optimizers.minimise import Minimum, minimise
from lightning_modules.optimizers.newton import Newton
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from lightning_modules.optimizers.step_report import StepReport
from lightning_modules.optimizers.subsampled_newton import SubsampledNewton
from lightning_modules.optimizers.verdict import Convergence, diagnose
from lightning_modules.solvers import SingularCurvatureError

__all__ = [
    "Convergence",
    "CurvatureOptimizer",
    "DiagonalNewton",
    "GradientDescent",
    "KroneckerNewton",
    "Minimum",
    "Newton",
    "NonFiniteLossError",
    "SingularCurvatureError",
    "StepReport",
    "SubsampledNewton",
    "diagnose",
    "minimise",
]
