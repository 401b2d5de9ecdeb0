"""What can be asked at a point, by name: the closed forms' answers and the defaults' are asked for alike."""

from torch import Tensor

from lightning_modules.objectives import Point


def first_order(point: Point) -> tuple[Tensor, Tensor]:
    """Value and gradient."""
    return point.value, point.gradient


def ask(point: Point, name: str, *v: Tensor) -> Tensor:
    """`value`, `gradient`, or a kind and a form of curvature: `hessian_matrix`, `ggn_diagonal`, `ggn_product` with v, …"""
    if name in ("value", "gradient"):
        answer: Tensor = getattr(point, name)
        return answer
    kind, _, form = name.partition("_")
    curvature = point.curvature(kind)  # type: ignore[arg-type]
    asked: Tensor = getattr(curvature, form or "matrix")(*v)
    return asked
