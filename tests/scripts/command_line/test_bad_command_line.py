"""A command line or a configuration that cannot work: one line, a non-zero exit, nothing left behind."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line.one_line_errors import run
from fit import main

from tests.scripts.command_line.printed import error_line

TABULAR = "--data=TabularDataModule"
COLUMNS = [TABULAR, "--data.path=table.csv"]
DESCENT = "--model.optimizer=GradientDescent"

FILES = {
    "table.csv": "x,y,kind,price\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]},{i / 4}\n" for i in range(40)),
    "not.yaml": "data: [unclosed\n",
    "list.yaml": "- data\n- model\n",
    "empty.yaml": "",
    "misspelt.yaml": "trainer:\n  max_epoch: 3\n",
    "text.yaml": "trainer:\n  max_epochs: many\n",
    "null.yaml": "data: {class_path: BreastCancerDataModule}\nmodel: {class_path: LogisticRegression, init_args: null}\n",
    "settings.yaml": "data: {class_path: BreastCancerDataModule, init_args: 3}\n",
    "nan.csv": "x,kind\n" + "".join(f"{'nan' if i < 3 else i},{'ab'[i % 2]}\n" for i in range(40)),
}


class Bad(NamedTuple):
    args: list[str]
    says: tuple[str, ...]


BAD = {
    "class-of-data": Bad(
        ["--data=BreastCancer"], ("--data", "no class 'BreastCancer'", "mean BreastCancerDataModule", "choose")
    ),
    "class-of-data-path": Bad(["--data=nowhere.Table"], ("--data", "nowhere.Table", "No module", "choose among", "Tabular")),
    "class-of-model": Bad(["--model=LogisticRegresion"], ("--model", "'LogisticRegresion'", "did you mean LogisticRegression")),
    "class-of-model-abstract": Bad(["--model=ObjectiveModule"], ("--model", "ObjectiveModule is abstract", "choose among")),
    "class-of-model-is-data": Bad(["--model=IrisDataModule"], ("--model", "no class 'IrisDataModule'", "SoftmaxRegression")),
    "class-of-optimizer": Bad(["--model.optimizer=Newtn"], ("--model.optimizer", "'Newtn'", "did you mean Newton", "choose")),
    "class-of-optimizer-short": Bad(["--model.optimizer=Adm"], ("no class 'Adm'", "did you mean torch.optim.Adam?")),
    "class-of-optimizer-path": Bad(
        ["--model.optimizer=torch.optim.Sgd"], ("--model.optimizer", "torch.optim.Sgd", "did you mean torch.optim.SGD")
    ),
    "option": Bad(
        ["--trainer.max_epoch=3"], ("no option --trainer.max_epoch ", "did you mean --trainer.max_epochs?", "--help")
    ),
    "option-of-data": Bad(["--data.batchsize=3"], ("--data.batchsize does not exist", "mean batch_size?", "--data.help=CLASS")),
    "option-of-optimizer": Bad(
        ["--model.optimizer.dampin=3"],
        ("--model.optimizer.dampin does not exist", "mean damping?", ": --model.optimizer.help=CLASS"),
    ),
    "positional": Bad(["newton"], ("no option newton", "--help")),
    "text-for-int": Bad(["--trainer.max_epochs=many"], ("--trainer.max_epochs=many", "int belongs there")),
    "text-for-batch-size": Bad(["--data.batch_size=all"], ("--data.batch_size=all", "int belongs there")),
    "text-for-float": Bad(["--model.l2=much"], ("--model.l2=much", "float belongs there")),
    "text-for-lr": Bad(["--model.optimizer.lr=fast"], ("--model.optimizer.lr=fast", "float belongs there")),
    "text-for-damping": Bad(["--model.optimizer.damping=some"], ("damping=some", "float or 'adaptive' belongs there")),
    "lr-missing": Bad([DESCENT], ("--model.optimizer.lr is missing",)),
    "config-missing": Bad(["--config=none.yaml"], ("no configuration file none.yaml", "breast_cancer_logistic_newton")),
    "config-is-a-folder": Bad(["--config=."], ("no configuration file", "breast_cancer_logistic_newton")),
    "config-without-path": Bad(["--config"], ("--config needs the path of a YAML file",)),
    "config-not-yaml": Bad(["--config=not.yaml"], ("not.yaml is not YAML", "line 1")),
    "config-not-text": Bad(["--config=binary.yaml"], ("binary.yaml is not YAML",)),
    "config-list": Bad(["--config", "list.yaml"], ("list.yaml holds no settings", "data, model and trainer")),
    "config-empty": Bad(["--config=empty.yaml"], ("empty.yaml holds no settings",)),
    "config-misspelt": Bad(["--config=misspelt.yaml"], ("--trainer.max_epoch ", "did you mean --trainer.max_epochs?")),
    "config-text-for-int": Bad(["--config=text.yaml"], ("--trainer.max_epochs=many", "int belongs there")),
    "config-null-settings": Bad(["--config=null.yaml"], ("--model.optimizer is missing",)),
    "config-settings-no-mapping": Bad(["--config=settings.yaml"], ("data.init_args is 3", "maps the names of settings")),
    "table-without-target": Bad(COLUMNS, ("--data.target is missing",)),
    "table-without-path": Bad([TABULAR, "--data.target=kind"], ("--data.path is missing",)),
    "table-missing": Bad(
        [TABULAR, "--data.path=none.csv", "--data.target=kind"], ("there is no file none.csv", "check the path")
    ),
    "table-unknown-target": Bad([*COLUMNS, "--data.target=knid"], ("no column 'knid'", "(target)", "'kind'")),
    "table-nan": Bad(
        [TABULAR, "--data.path=nan.csv", "--data.target=kind", "--data.missing=refuse"], ("missing values: 'x' (3)", "fill")
    ),
    "regression-to-logistic": Bad(
        [*COLUMNS, "--data.target=price"], ("40 different values", "use task=regression and LinearRegression")
    ),
    "regression-to-softmax": Bad(
        [*COLUMNS, "--data.target=price", "--model=SoftmaxRegression"], ("40 different values", "LinearRegression")
    ),
    "three-classes-to-logistic": Bad(["--data=IrisDataModule"], ("neither 0 nor 1", "use SoftmaxRegression")),
    "classes-to-linear": Bad(["--model=LinearRegression"], ("class labels", "use LogisticRegression or SoftmaxRegression")),
    "val-fraction": Bad(["--data.val_fraction=1.5"], ("val_fraction=1.5", "must be in [0, 1)")),
    "test-fraction": Bad(["--data.test_fraction=-1"], ("test_fraction=-1", "must be in [0, 1)")),
    "fractions": Bad(
        ["--data.val_fraction=0.5", "--data.test_fraction=0.5"], ("leave no rows for training", "sum less than 1")
    ),
    "batch-size": Bad(["--data.batch_size=0"], ("batch_size=0", "leave it out for all rows")),
    "data-seed": Bad(["--data.seed=-1"], ("seed=-1", "from 0 to")),
    "l2": Bad(["--model.l2=-1"], ("l2=-1", "must be a number ≥ 0")),
    "lr": Bad(["--model.optimizer.lr=-1"], ("Newton(lr=-1", "must be a positive number")),
    "lr-nan": Bad(["--model.optimizer.lr=.nan"], ("lr=nan", "must be a positive number")),
    "damping": Bad(["--model.optimizer.damping=-1"], ("Newton(damping=-1", "≥ 0, or 'adaptive'")),
    "tolerance": Bad(["--model.optimizer.tolerance=-1"], ("tolerance=-1", "must be a number ≥ 0")),
    "16-bit-true": Bad(
        ["--trainer.precision=16-true"], ("Newton needs 32 or 64 bit", "not 16-true", "--trainer.precision=64-true")
    ),
    "16-bit-mixed": Bad(["--trainer.precision=bf16-mixed"], ("Newton needs 32 or 64 bit", "not bf16-mixed", "=64-true")),
    "damping-and-search": Bad(
        ["--model.optimizer.search=backtracking"], ("damping='adaptive', search='backtracking'", "give a fixed damping")
    ),
    "test-weights": Bad(["--test_weights=worst"], ("--test_weights", "'worst'", "'last', 'best'")),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with FILES in it."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    return tmp_path


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_one_line_and_nothing_left(folder: Path, capsys: pytest.CaptureFixture[str], bad: Bad) -> None:
    before = sorted(folder.rglob("*"))
    assert run(main, bad.args) in (1, 2)
    line = error_line(capsys)
    for part in bad.says:
        assert part in line
    assert sorted(folder.rglob("*")) == before


def test_non_finite_loss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run has taken a step, so its folder stays; it says that it failed, and why."""
    assert run(main, [DESCENT, "--model.optimizer.lr=1e300", "--trainer.max_epochs=5"]) == 1
    line = error_line(capsys)
    for part in ("the loss is", "at step 1", "lower --model.optimizer.lr"):
        assert part in line
    (summary,) = folder.rglob("summary.json")
    assert json.loads(summary.read_text(encoding="utf-8"))["status"] == "failed"
    assert line == f"error: {json.loads(summary.read_text(encoding='utf-8'))['status_message']}\n"
    assert list(folder.rglob("*.partial")) == []


def test_debug_lets_the_exception_through(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"val_fraction=1\.5"):
        run(main, ["--data.val_fraction=1.5", "--debug"])
    assert "error: " not in capsys.readouterr().err
    assert not (folder / "logs").exists()


def test_command_lines_that_make_no_sense_exit_with_2(folder: Path) -> None:
    """As programs do since getopt; a sensible one that meets bad data exits with 1."""
    assert run(main, ["--trainer.max_epoch=3"]) == 2
    assert run(main, ["--data=Iris"]) == 2
    assert run(main, [*COLUMNS, "--data.target=knid"]) == 1


def test_an_interrupted_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(args: list[str]) -> None:
        raise KeyboardInterrupt

    assert run(interrupted, []) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_an_error_without_words_of_its_own_names_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(args: list[str]) -> None:
        raise KeyError("rows\nand columns")

    assert run(broken, []) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    for part in ("error: KeyError in broken: ", "--debug shows the traceback"):
        assert part in line
