"""Derivatives are computed with all digits of float32, whatever the user allows torch to leave out elsewhere."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from lightning_modules.devices import full_float32
from lightning_modules.objectives import FunctionObjective
from lightning_modules.optimizers import Newton, diagnose

Settings = tuple[str, bool]


def settings() -> Settings:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.fixture(autouse=True)
def _a_user_who_wants_speed() -> Iterator[None]:
    before = settings()
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


def test_steps_and_verdicts_are_in_full_and_leave_what_was_set() -> None:
    seen: list[Settings] = []

    def parabola(theta: Tensor) -> Tensor:
        seen.append(settings())
        return theta.square().sum()

    objective, parameter = FunctionObjective(parabola), Parameter(torch.ones(2))

    def closure() -> Tensor:
        point = objective.at(parameter)
        parameter.grad = point.gradient.clone()
        return point.value

    Newton([parameter]).step(closure, objective=objective)
    diagnose(objective, parameter.detach())
    assert set(seen) == {("highest", False)}
    assert settings() == ("medium", True)
    parabola(parameter)
    assert seen[-1] == ("medium", True), "negative control: outside it is as the user has it"


def test_it_is_as_before_after_an_error_and_within_itself() -> None:
    @full_float32()
    def nested(depth: int) -> Any:
        if depth:
            return nested(depth - 1)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        nested(3)
    assert settings() == ("medium", True)


@pytest.mark.slow  # a program each
@pytest.mark.parametrize(
    "setting",
    ["backends.cuda.matmul", "backends.cudnn.conv", "backends.cudnn", "backends.mkldnn.matmul", "backends"],
)
def test_what_is_set_for_one_operation_is_known_and_left(setting: str) -> None:
    """torch refuses to say in one word what was set in several: a program of its own, since that cannot be undone."""
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("of torch 2.9 and later")
    program = f"""
import torch
from lightning_modules.devices import full_float32
places = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.mkldnn.matmul
torch.{setting}.fp32_precision = "tf32"
before = [place.fp32_precision for place in places]
assert "tf32" in before
with full_float32():
    assert [place.fp32_precision for place in places] == ["ieee"] * 4
assert [place.fp32_precision for place in places] == before
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_in_float64_nothing_is_set_which_would_cost_a_tenth_of_a_small_step() -> None:
    with full_float32(torch.float64):
        assert settings() == ("medium", True)
    with full_float32(torch.float32):
        assert settings() == ("highest", False)
