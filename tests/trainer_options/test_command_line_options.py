"""Every option that fit.py adds, under every method: a run with its summary, or one line and nothing left."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.trainer_options.expectations import CURVATURE, FIRST_ORDER, METHODS, NotApplicable, Refused
from tests.trainer_options.fuzz_run import ended
from tests.trainer_options.table_command_line import LINES, Line
from tests.trainer_options.walking import SETTINGS

QUICK = [(line, (CURVATURE, FIRST_ORDER)[n % 2][n // 2 % 3]) for n, line in enumerate(LINES)]
EVERY = [(line, method) for line in LINES for method in METHODS if (line, method) not in QUICK]


def command(root: Path, method: str) -> list[str]:
    """Two epochs of softmax regression on Iris: a linear model, which every method takes."""
    name = method if method in CURVATURE else f"torch.optim.{method}"
    options = [f"--model.optimizer.{option}={value}" for option, value in SETTINGS.get(method, {}).items()]
    classes = ["--data=IrisDataModule", "--model=SoftmaxRegression", f"--model.optimizer={name}"]
    return [f"--trainer.default_root_dir={root}", "--trainer.max_epochs=2", *classes, *options]


def tried(line: Line, method: str, folder: Path) -> None:
    expected = line.expected[method]
    if isinstance(expected, NotApplicable):
        pytest.skip(expected.why)
    if line.needs and find_spec(line.needs) is None:
        pytest.skip(f"needs {line.needs}")
    root = folder / "root"
    args = [*command(root, method), *line.args(root)]
    end = ended(args, root)
    assert not end.fault, f"{end.fault}: {' '.join(args)}"
    if isinstance(expected, Refused):
        assert end.status
        assert expected.pattern in end.said
        return
    assert end.status == 0, end.said
    if line.again:
        again = ended([*args, *line.again], root, is_new=False)
        assert again.status == 0 and not again.fault, again.fault or again.said
    if line.keeps:
        of_runs = [path for path in root.rglob("summary.json") if "MLP" not in path.parts]
        assert len(of_runs) == 1 and json.loads(of_runs[0].read_text())["status"]
        if expected.check is not None:
            expected.check(of_runs[0].parent)


def name(part: Line | str) -> str:
    return part if isinstance(part, str) else part.label.replace("/", "|")[:60]


@pytest.mark.parametrize(("line", "method"), QUICK, ids=name)
def test_one_method(line: Line, method: str, tmp_path: Path) -> None:
    tried(line, method, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("line", "method"), EVERY, ids=name)
def test_every_method(line: Line, method: str, tmp_path: Path) -> None:
    tried(line, method, tmp_path)
