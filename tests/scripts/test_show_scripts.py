"""The figures of Jacobians and of ReLU functions, at small sizes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import show_jacobians
import show_relu_functions
import torch
from command_line.one_line_errors import run
from evidence.systems.jacobian_times import time_jacobians
from evidence.systems.relu_figure import term_label


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(threads)


def test_jacobians_are_timed_and_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show_jacobians.main, ["--width=10", "--repeats=2", "--output=pictures/jacobians.png"]) == 0
    *table, path = capsys.readouterr().out.splitlines()
    assert path == "pictures/jacobians.png"
    assert (folder / path).read_bytes().startswith(b"\x89PNG")
    assert "D = 10, 1 thread" in table[0]
    rows = [line.strip("│ ").split("│") for line in table if line.startswith("│")]
    cases = [tuple(int(cell) for cell in row[:2]) for row in rows]
    assert cases == [(3, 1), (5, 1), (5, 3), (5, 10), (5, 20), (5, 40), (10, 1)]
    assert all(float(cell) > 0 for row in rows for cell in row)


def test_every_repeat_is_kept() -> None:
    times = time_jacobians(width=4, repeats=3)
    assert {len(repeats) for by_method in times.values() for repeats in by_method.values()} == {3}
    assert all(set(by_method) == {"forward", "reverse"} for by_method in times.values())


def test_relu_functions_are_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show_relu_functions.main, ["--threshold=0.3", "--points=101", "--output=relu.svg"]) == 0
    tent, dead_zone, path = capsys.readouterr().out.splitlines()
    assert tent.startswith("tent: largest difference ")
    assert dead_zone.startswith("dead zone, s = 0.3: largest difference ")
    assert all(float(line.split()[-4]) < 1e-15 for line in (tent, dead_zone))
    assert "<svg" in (folder / path).read_text()


@pytest.mark.parametrize(
    ("terms", "label"),
    [
        ((-1, 2, -1), "−ReLU(2x − 1)"),
        ((1, 1, 0), "ReLU(x)"),
        ((-0.5, -1, 3), "−0.5ReLU(−x + 3)"),
    ],
)
def test_terms_are_written_as_formulas(terms: tuple[float, float, float], label: str) -> None:
    assert term_label(*terms) == label


@pytest.mark.parametrize(
    ("script", "args", "message"),
    [
        (show_jacobians, ["--width=0"], "error: --width=0 --repeats=11 --threads=1: all must be ≥ 1"),
        (show_jacobians, ["--repaets=3"], "error: there is no option --repaets (did you mean --repeats?); --help lists them"),
        (show_relu_functions, ["--threshold=-1"], "error: threshold=-1.0: it is the half-width of the dead zone"),
        (show_relu_functions, ["--points=1"], "error: --points=1: a curve takes at least 2"),
    ],
)
def test_wrong_options_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], script: object, args: list[str], message: str
) -> None:
    assert run(script.main, args) != 0  # type: ignore[attr-defined]
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not list(folder.iterdir())
