"""A curvature of which nothing is left to step by."""

from torch import Tensor

from lightning_modules.devices import is_asynchronous
from lightning_modules.solvers import SingularCurvatureError


def refuse_unbounded(has_no_model: bool) -> None:
    """Refuse a curvature that is not a number, so that no step can be judged by it.

    Raises:
        SingularCurvatureError: it is none.
    """
    if has_no_model:
        raise SingularCurvatureError(
            "the curvature is not a number here, though the gradient is: a function with an infinite slope at 0, such as sqrt "
            "or a power below 1, has met a 0; add a little before it, as in sqrt(h + 1e-6)"
        )


def refuse_none(damping: Tensor) -> None:
    """Refuse a curvature of which nothing is left to step by; of a device the next loss is not finite, and refused.

    Raises:
        SingularCurvatureError: the damping, its mean, is 0.
    """
    if not (is_asynchronous(damping) or damping > 0):
        raise SingularCurvatureError(
            "the curvature is 0 in every direction at this point, so it gives no step: check that the network's units "
            "are not all dead, or use GradientDescent or a method of torch.optim"
        )
