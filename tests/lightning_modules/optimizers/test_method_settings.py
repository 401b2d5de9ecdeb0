"""Settings of a method that make no sense are refused with cause and remedy."""

import pytest
from torch.nn import Linear

from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("method", "arguments", "cause", "remedy"),
    [
        *[
            (method, {"lr": lr}, rf"{method.__name__}\(lr={lr}\)", "positive number")
            for method in (GradientDescent, Newton, DiagonalNewton)
            for lr in (0.0, -1.0, NAN, INF)
        ],
        *[
            (method, {"lr": 1.0, "tolerance": tolerance}, rf"tolerance={tolerance}", "≥ 0, or None")
            for method in (GradientDescent, Newton, DiagonalNewton)
            for tolerance in (-1e-9, NAN, INF)
        ],
        *[
            (method, {"damping": damping}, rf"{method.__name__}\(damping={damping!r}\)", "≥ 0, or 'adaptive'")
            for method in (Newton, DiagonalNewton)
            for damping in (-0.1, NAN, INF, "auto", None)
        ],
        *[
            (method, {"curvature": "fisher"}, r"curvature='fisher'", "'hessian' or 'ggn'")
            for method in (Newton, DiagonalNewton)
        ],
        *[
            (method, {"lr": 1.0, "damping": 0.0, "search": "wolfe"}, "search='wolfe'", "'backtracking'")
            for method in (Newton, DiagonalNewton)
        ],
        (GradientDescent, {"lr": 1.0, "search": "wolfe"}, "search='wolfe'", "'backtracking'"),
        (Newton, {"solver": "lu"}, r"Newton\(solver='lu'\)", "'cholesky' .* 'cg'"),
        *[
            (method, {"search": "backtracking"}, "damping='adaptive', search='backtracking'", "damping=0.0")
            for method in (Newton, DiagonalNewton)
        ],
    ],
)
def test_constructors_refuse_what_makes_no_sense(method, arguments, cause, remedy):
    with pytest.raises(ValueError, match=cause) as refusal:
        method(Linear(2, 1).parameters(), **arguments)
    refusal.match(remedy)


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_one_parameter_group_only(make):
    groups = [{"params": [parameter]} for parameter in Linear(2, 1).parameters()]
    with pytest.raises(ValueError, match=r"one parameter group: its curvature couples all parameters"):
        make(groups)
