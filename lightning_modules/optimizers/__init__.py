"""Methods that minimise an `Objective`: `torch.optim.Optimizer` subclasses that know torch only."""

from lightning_modules.optimizers.convergence import Convergence, diagnose
from lightning_modules.optimizers.curvature_optimizer import CurvatureOptimizer
from lightning_modules.optimizers.diagonal_newton import DiagonalNewton
from lightning_modules.optimizers.gradient_descent import GradientDescent
from lightning_modules.optimizers.newton import Newton
from lightning_modules.optimizers.solve import SingularCurvatureError
from lightning_modules.optimizers.subsampled_newton import SubsampledNewton

__all__ = [
    "Convergence",
    "CurvatureOptimizer",
    "DiagonalNewton",
    "GradientDescent",
    "Newton",
    "SingularCurvatureError",
    "SubsampledNewton",
    "diagnose",
]
