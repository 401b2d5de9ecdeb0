"""What cannot be minimised is refused in one line that says why and what to do; what only looks odd is not."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_modules.objectives import FunctionObjective, LeastSquares
from lightning_modules.optimizers import GradientDescent, Newton, NonFiniteLossError, minimise
from lightning_modules.optimizers.doubts import doubts

T = torch.linspace(0, 4, 151, dtype=torch.float64)
Y = 2.5 * torch.exp(-1.3 * T)
BROKEN = torch.where(torch.arange(151) == 17, torch.nan, Y)
TWO_BROKEN = torch.where(torch.arange(151) >= 149, torch.inf, Y)
DESIGN = torch.stack([T, T**2], 1)
START = torch.ones(2, dtype=torch.float64)
THREE, ONE = torch.ones(3, dtype=torch.float64), torch.ones(1, dtype=torch.float64)


def residuals(theta: Tensor, y: Tensor = Y) -> Tensor:
    return theta[0] * torch.exp(-theta[1] * T) - y


def unpacked(theta: Tensor) -> Tensor:
    slope, intercept = theta
    return slope * T + intercept - Y


def one_line(error: BaseException) -> bool:
    return "\n" not in str(error) and len(str(error)) < 400


OUTSIDE = r"operations of torch throughout, without \.item\(\), \.detach\(\), numpy or whole numbers"
FUNCTIONS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "detached": (lambda t: ((t.detach() - 3) ** 2).sum(), "does not depend on θ.*" + OUTSIDE),
    "item": (lambda t: torch.tensor(t[0].item() ** 2), "does not depend on θ.*" + OUTSIDE),
    "a float": (lambda t: t[0].item() ** 2, "returned a float .*" + OUTSIDE),
    "numpy": (lambda t: np.sum(t.detach().numpy() ** 2), "returned a float64 .*" + OUTSIDE),
    "numpy of theta": (lambda t: np.sum(t.numpy() ** 2), "fails on θ of 2 numbers of type float64 .*" + OUTSIDE),
    "whole numbers": (lambda t: (t.long() ** 2).sum(), "type int64 .*" + OUTSIDE),
    "a part by item": (lambda t: t[0].item() ** 2 + (t[1] - 3) ** 2, r"changes with theta\[0\] .* by 2 a unit.*" + OUTSIDE),
    "a part detached": (lambda t: (t[0] - 3) ** 2 + (t[1].detach() - 3) ** 2, r"theta\[1\] .* by -4 a unit.*" + OUTSIDE),
    "a list": (lambda t: [t[0], t[1]], r"returned a list .*torch\.stack"),
    "several values": (residuals, "for residuals .* use LeastSquares"),
    "complex": (lambda t: (t * 1j).sum(), "complex128"),
    "nothing": (lambda t: None, "returned a NoneType"),
    "in place": (lambda t: t.mul_(2).sum(), r"changes θ.*theta\.clone\(\)"),
}


@pytest.mark.parametrize("method", [Newton, partial(GradientDescent, lr=0.1), partial(torch.optim.Adam, lr=0.1)], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_without_derivatives_is_refused(name: str, method: Any) -> None:
    function, said = FUNCTIONS[name]
    with pytest.raises(ValueError, match=said) as refusal:
        minimise(FunctionObjective(function), START, method)
    assert one_line(refusal.value)


@pytest.mark.parametrize(
    ("function", "start", "said"),
    [
        (lambda t: residuals(t)[:0], START, "of no row.*check that the data are not empty"),
        (lambda t: residuals(t).detach(), START, "does not depend on θ.*" + OUTSIDE),
        (lambda t: t.sum(), START, "for a function .* use FunctionObjective"),
        (lambda t: (residuals(t), 1), START, r"are a tuple .*torch\.stack"),
        (residuals, ONE, "θ of 1 numbers .*IndexError.*as many numbers as the function takes"),
        (lambda t: DESIGN @ t - Y, THREE, "θ of 3 numbers .*as many numbers as the function takes"),
        (unpacked, THREE, "θ of 3 numbers .*too many values to unpack.*as many numbers as the function takes"),
        (lambda t: DESIGN @ t - Y, START.float(), r"type float32 .*start\.to\(data\.dtype\)"),
    ],
    ids=["no row", "detached", "number", "tuple", "short", "long", "unpacked", "single"],
)
def test_residuals_that_make_no_least_squares_are_refused(function: Any, start: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        minimise(LeastSquares(function), start)
    assert one_line(refusal.value)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (START.half(), "torch.float16, too few digits.*give torch.float64"),
        (torch.tensor([1.0, torch.nan]), "entry 1 of 2 is nan: give finite numbers"),
        (torch.tensor([torch.inf, 1.0]), "entry 0 of 2 is inf"),
        ([1.0, 2.0], "give a vector of real numbers"),
        (START[:0], "give a vector of real numbers"),
    ],
    ids=["half", "nan", "inf", "list", "empty"],
)
def test_a_start_to_begin_nothing_with_is_refused(start: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        minimise(LeastSquares(residuals), start)


def test_what_is_no_function_is_refused_when_it_is_given() -> None:
    with pytest.raises(ValueError, match=r"FunctionObjective\(function\) got no function but int: give one"):
        FunctionObjective(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"LeastSquares\(residuals\) got no function but Tensor: give one"):
        LeastSquares(Y)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [Newton, partial(torch.optim.LBFGS, max_iter=5)], ids=str)
def test_rows_that_are_not_finite_at_the_start_are_named(method: Any) -> None:
    with pytest.raises(NonFiniteLossError, match=r"^residual 17 of 151 is nan at the start: choose another start, or check"):
        minimise(LeastSquares(partial(residuals, y=BROKEN)), START, method)
    with pytest.raises(NonFiniteLossError, match=r"^residual 149 of 151 is -inf \(2 of them are not finite\) at the start"):
        minimise(LeastSquares(partial(residuals, y=TWO_BROKEN)), START, method)
    with pytest.raises(NonFiniteLossError, match="the loss is nan at the start"):
        minimise(FunctionObjective(lambda t: (t - 2).log().sum()), START, method)
    with pytest.raises(NonFiniteLossError, match="the loss is inf at the start"):  # finite residuals, whose squares are not
        minimise(LeastSquares(lambda t: 1e200 * residuals(t)), START, method)
    with pytest.raises(
        NonFiniteLossError, match=r"derivative by theta\[1\] is (nan|inf) at the start, where the value is finite"
    ):
        minimise(FunctionObjective(lambda t: (t[0] - 3) ** 2 + (t[1] - 1).sqrt()), START, method)


def test_an_error_of_the_functions_own_passes_through() -> None:
    def own(theta: Tensor) -> Tensor:
        raise RuntimeError("the simulation failed")

    def misspelt(theta: Tensor) -> Tensor:
        return undefined(theta)  # type: ignore[name-defined,no-any-return] # noqa: F821

    with pytest.raises(RuntimeError, match=r"^the simulation failed$"):
        minimise(FunctionObjective(own), START)
    with pytest.raises(NameError):
        minimise(FunctionObjective(misspelt), START)
    with pytest.raises(RuntimeError, match="cholesky"):
        minimise(FunctionObjective(lambda t: torch.linalg.cholesky(-torch.outer(t, t)).sum()), START)


# -- Facts that the verdict tells -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Newton, partial(torch.optim.LBFGS, max_iter=200, tolerance_grad=1e-12)], ids=str)
def test_a_parameter_that_nothing_depends_on_is_named(method: Any) -> None:
    minimum = minimise(LeastSquares(residuals), THREE, method, max_steps=50)
    assert minimum.status == "rank_deficient" and minimum.verdict.columns == (2,)
    assert "does not change with theta[2] around" in minimum.message and "theta[0]" not in minimum.message
    torch.testing.assert_close(minimum.theta[:2], torch.tensor([2.5, 1.3], dtype=torch.float64), rtol=1e-5, atol=1e-5)


def test_a_function_of_steps_is_told_to_have_no_slope() -> None:
    minimum = minimise(FunctionObjective(lambda t: ((t.round() - 3) ** 2).sum()), START)
    assert minimum.status == "rank_deficient" and "theta[0], theta[1]" in minimum.message and "no slope" in minimum.message


def test_randomness_hidden_parts_and_missing_second_derivatives_are_told() -> None:
    class FirstOnly(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x**4

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
            return (gradient * 4 * ctx.saved_tensors[0] ** 3).detach()

    random = minimise(FunctionObjective(lambda t: ((t - torch.rand(2)) ** 2).sum()), START, max_steps=5)
    assert "another value each time" in random.message
    hidden = minimise(FunctionObjective(lambda t: ((t - 3) * (t.detach() + 7)).square().sum()), START, max_steps=1)
    assert "the gradient is not that of the values" in hidden.message
    once = FunctionObjective(lambda t: FirstOnly.apply(t).sum())
    assert "the second derivatives are not those" in str(doubts(once, START))


LEGITIMATE: dict[str, tuple[Callable[[Tensor], Tensor], list[float]]] = {
    "at its minimum": (lambda t: (t**2).sum(), [0.0, 0.0]),
    "at its minimum, of fourth power": (lambda t: (t**4).sum() + (t[0] - 1) ** 2, [1.0, 0.0]),
    "a cube without a slope": (lambda t: t[0] ** 3 + t[0] ** 2 + (t[1] - 1) ** 2 + t[0] ** 4, [0.0, 0.0]),
    "at a saddle": (lambda t: t[0] ** 4 - t[0] ** 2 + t[1] ** 2, [0.0, 1.0]),
    "at a kink": (lambda t: torch.relu(t[0]) + (t[1] - 1) ** 2 + 0.1 * t[0] ** 2, [0.0, 0.0]),
    "at an absolute value": (lambda t: t[0].abs() + (t[1] - 1) ** 2, [0.0, 0.0]),
    "a shape of one number": (lambda t: (t**2).sum()[None], [1.0, 2.0]),
    "in large units": (lambda t: 1e12 + ((t - 1e6) ** 2).sum(), [1e6, 0.0]),
    "in small units": (lambda t: 1e-20 * (t[0] ** 2 + (t[1] - 1) ** 2), [0.0, 0.0]),
    "constant": (lambda t: (0 * t).sum(), [1.0, 1.0]),
    "with a choice": (lambda t: t[0] ** 2 + (t[1] ** 2 if t[1] > 0 else -t[1]), [0.0, 2.0]),
}


@pytest.mark.parametrize("name", LEGITIMATE)
def test_no_legitimate_function_is_refused_or_doubted(name: str) -> None:
    function, start = LEGITIMATE[name]
    minimum = minimise(FunctionObjective(function), torch.tensor(start, dtype=torch.float64), max_steps=100)
    assert minimum.status in ("converged", "stopped", "stalled", "budget", "rank_deficient")
    if name not in ("at a kink", "at an absolute value", "with a choice"):
        assert not re.search("not that of|not those of|each time", minimum.message), minimum.message


def test_a_function_in_another_type_than_its_start_is_taken() -> None:
    minimum = minimise(LeastSquares(residuals), START.float())
    assert minimum.theta.dtype == torch.float32 and minimum.status == "converged"
    assert minimise(LeastSquares(lambda t: torch.stack([residuals(t), 2 * residuals(t)], 1)), START).status == "converged"


def test_a_column_less_a_row_is_refused() -> None:
    """(n, 1) − (n,) is every row less every other, which a curve would be fitted to without a word."""
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"\(20, 20\).*each of one row less each of another"):
        minimise(LeastSquares(lambda theta: (theta[0] * t + theta[1])[:, None] - (3 * t + 1)), START)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (GradientDescent, r"partial\(GradientDescent, lr=0\.1\)"),
        (lambda parameters: None, "made a NoneType"),
    ],
    ids=["without its step size", "makes nothing"],
)
def test_a_method_that_cannot_be_made_says_how_it_can(method: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        minimise(LeastSquares(residuals), START, method)


def test_what_is_enough_is_a_function() -> None:
    with pytest.raises(ValueError, match=r"is_enough=3"):
        minimise(LeastSquares(residuals), START, is_enough=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [lambda t: t.sum(), lambda t: t[0] + t[1] ** 2, lambda t: t.abs().sum()])
def test_a_function_without_a_lower_end_runs_out_of_steps(function: Any) -> None:
    minimum = minimise(FunctionObjective(function), torch.tensor([0.5, 0.0], dtype=torch.float64), max_steps=20)
    assert minimum.status != "converged"
    assert minimum.value < float(function(torch.tensor([0.5, 0.0], dtype=torch.float64)))
