"""What is said of a method that steps by an estimate of the curvature."""

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.training.notes import log_info


def tell_of_draws(method: CurvatureOptimizer) -> bool:
    """Say of how many draws the curvature of a method's last step was estimated; False where it is exact, or there is none."""
    draws = getattr(method, "draws", None)
    if draws is None:
        return False
    log_info(
        f"the curvature is an unbiased estimate, from {draws.number} random draws each time: exactly it would take "
        f"{draws.instead_of}"
    )
    return True
