"""What is said of a method that steps by an estimate of the curvature."""

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.training.notes import log_info
from lightning_modules.training.trained_parameters import held_parameters


def tell_of_draws(method: CurvatureOptimizer) -> bool:
    """Say how many draws the diagonal of a method's last step was estimated from; False where it is exact, or there is none."""
    draws = getattr(method, "draws", None)
    if draws is None:
        return False
    count = sum(parameter.numel() for parameter in held_parameters(method))
    log_info(
        f"the diagonal of the curvature is an unbiased estimate, from {draws} random draws each time: this loss is "
        f"differentiated by torch alone, which takes a product for each of its {count} parameters to give the exact one"
    )
    return True
