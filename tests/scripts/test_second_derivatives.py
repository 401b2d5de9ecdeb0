"""The chain of four neurons: every number that is printed is one that automatic differentiation gives."""

import re

import pytest
import show_second_derivatives
import torch
from command_line.one_line_errors import run
from torch import Tensor
from torch.func import grad, hessian

WEIGHTS = torch.tensor((0.460, 0.500, -0.139, 0.496), dtype=torch.float64)


def loss_from(layer: int, h: Tensor, weights: Tensor) -> Tensor:
    """½ (h_4 − 4)² by torch alone, from h of a layer upwards (0 is the input)."""
    for w in weights[layer:]:
        h = torch.tanh(w * h)
    return 0.5 * (h - 4) ** 2


def rows_of(printed: str, title: str) -> list[list[str]]:
    lines = printed.split(title)[1].splitlines()[4:]
    body = lines[: next(index for index, line in enumerate(lines) if line.startswith("└"))]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in body]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> str:
    assert run(show_second_derivatives.main, ["--digits=10"]) == 0
    return capsys.readouterr().out


def assert_printed(cells: list[str], expected: list[Tensor]) -> None:
    assert [f"{float(value):.10f}" for value in expected] == cells


def activations() -> list[Tensor]:
    h = [torch.tensor(2.0, dtype=torch.float64)]
    for w in WEIGHTS:
        h.append(torch.tanh(w * h[-1]))
    return h


def test_the_forward_values_are_torchs(printed: str) -> None:
    h = activations()
    for index, (layer, *cells) in enumerate(rows_of(printed, "Forward")):
        z, slope = WEIGHTS[index] * h[index], grad(torch.tanh)
        assert layer == str(index + 1)
        assert_printed(cells, [h[index], WEIGHTS[index], z, torch.tanh(z), slope(z), grad(slope)(z)])


@pytest.mark.parametrize(
    ("title", "derivative"), [("First order, downwards", grad), ("Second order, downwards", hessian)], ids=["first", "second"]
)
def test_both_sweeps_are_what_autograd_says_of_each_layer(printed: str, title: str, derivative: object) -> None:
    """First ∂L/∂h, ∂L/∂z, ∂L/∂w, then ∂²L/∂h², ∂²L/∂z², ∂²L/∂w², each of one layer's variable alone."""
    h, rows = activations(), rows_of(printed, title)
    assert [row[0] for row in rows] == ["4", "3", "2", "1"]
    for layer, *cells in rows:
        number = int(layer)
        w, below = WEIGHTS[number - 1], h[number - 1]

        def of_h(value: Tensor, number: int = number) -> Tensor:
            return loss_from(number, value, WEIGHTS)

        places = [
            (of_h, h[number]),
            (lambda z, of_h=of_h: of_h(torch.tanh(z)), w * below),
            (lambda v, of_h=of_h, below=below: of_h(torch.tanh(v * below)), w),
        ]
        assert_printed(cells, [derivative(function)(at) for function, at in places])  # type: ignore[operator]


def test_the_hessian_is_autograds_and_says_what_was_published_wrong(printed: str) -> None:
    exact = hessian(lambda weights: loss_from(0, torch.tensor(2.0, dtype=torch.float64), weights))(WEIGHTS)
    rows = rows_of(printed, "Hessian")
    for row, (number, *cells) in enumerate(rows):
        assert number == str(row + 1)
        assert_printed([cell.split(" (")[0] for cell in cells], list(exact[row]))
    notes = {(row, column): cell for row, cells in enumerate(rows) for column, cell in enumerate(cells) if "(" in cell}
    assert {place: re.search(r"\(not (.+)\)", cell)[1] for place, cell in notes.items()} == {  # type: ignore[index]
        (1, 4): "2.449",
        (3, 4): "0.0004",
    }
    for row, column, published in ((1, 3, 2.449), (3, 3, 0.0004)):
        assert abs(float(exact[row, column]) - published) > 1e-3, "the published number is another one"
        exact_text = f"{float(exact[row, column]):.10f}"
        line = f"entry ({row + 1},{column + 1}) has been published as {published}: that is wrong, it is {exact_text}"
        assert line in printed.splitlines()


@pytest.mark.parametrize("digits", ["0", "16"])
def test_meaningless_digits_are_one_line(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show_second_derivatives.main, [f"--digits={digits}"]) == 1
    assert capsys.readouterr().err == f"error: --digits={digits}: a double-precision number has 1 to 15 that mean something\n"
