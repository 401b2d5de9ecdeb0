"""A bad table is refused before torch is imported, in the words of the fit; whatever is not understood is left to the fit."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from command_line.base_config import base_of, with_base
from command_line.check_before_fit import check_before_fit
from command_line.first_look import ROOTS, first_look
from command_line.fit_cli import FitCLI
from command_line.model_tasks import TASKS
from command_line.one_line_errors import one_line, run
from fit import main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lightning_modules
from datamodules import TabularDataModule
from datamodules.files.table_options import TableOptions
from tests.scripts.without_torch import started_without_torch

FILES = {
    "good.csv": "x,z,kind,price\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]},{i / 4}\n" for i in range(40)),
    "same.csv": "x,kind\n" + "".join(f"{i},a\n" for i in range(40)),
    "slip.csv": "x,price\n" + "".join(f"{i},{'l0' if i == 3 else i / 4}\n" for i in range(40)),
    "slips.csv": "size,kind\n" + "".join(f"{'l0' if i == 3 else i / 4},{'ab'[i % 2]}\n" for i in range(200)),
    "twice.csv": "size,size,kind\n" + "".join(f"{i % 9},{i % 7},{'ab'[i % 2]}\n" for i in range(40)),
    "ragged.csv": "x,kind\n1,a\n2\n3,b,c\n",
    "table.yaml": "data:\n  class_path: TabularDataModule\n  init_args: {path: good.csv, target: nothing, exclude: [x]}\n"
    "model: {class_path: LogisticRegression, init_args: {optimizer: {class_path: Newton}}}\n",
    "short.yaml": "data: TabularDataModule\n"
    "model: {class_path: LogisticRegression, init_args: {optimizer: {class_path: Newton}}}\n",
}
TABULAR, LINEAR = "--data=TabularDataModule", "--model=LinearRegression"


def table(path: str, target: str, *others: str) -> list[str]:
    return [TABULAR, f"--data.path={path}", f"--data.target={target}", *others]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    for name, content in FILES.items():
        (made / name).write_text(content, encoding="utf-8")
    return made


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def first_line(args: list[str]) -> str | None:
    """What the first look refuses; None if nothing."""
    try:
        first_look(with_base(args))
    except (ValueError, OSError) as error:
        return one_line(error)
    return None


def later_line(args: list[str]) -> str | None:
    """What the fit itself refuses."""
    try:
        check_before_fit(FitCLI(with_base([*args, "--trainer.logger=false"])))
    except Exception as error:
        return one_line(error)
    return None


REFUSED = {
    "no-such-file": (table("none.csv", "kind"), "there is no file none.csv: check the path"),
    "unknown-target": (table("good.csv", "knid"), "has no column 'knid' (target)"),
    "one-class": (table("same.csv", "kind"), "one class only ('a')"),
    "text-among-numbers": (table("slips.csv", "kind"), "'size' holds numbers, but text in 1 of 200"),
    "text-among-targets": (table("slip.csv", "price", LINEAR), "'price'"),
    "classes-for-regression": (table("good.csv", "kind", LINEAR), "not numbers"),
    "rows-of-other-lengths": (table("ragged.csv", "kind"), "ragged.csv"),
    "delimiter": (table("good.csv", "kind", "--data.delimiter=ab"), "delimiter='ab'"),
    "fraction": (table("good.csv", "knid", "--data.val_fraction=2"), "val_fraction=2"),
    "unknown-weights": (table("good.csv", "kind", "--data.weights=Z"), "no column 'Z' (weights)"),
    "text-as-offset": (table("good.csv", "price", "--data.offset=kind", LINEAR), "'kind' (offset) holds 'a' in row 1"),
    "two-roles": (table("good.csv", "kind", "--data.exposure=kind"), "exposure='kind': target names this column too"),
    "class-weight": (table("good.csv", "kind", "--data.class_weight={a: -1}"), "class_weight of 'a' is -1"),
    "no-such-test-file": (table("good.csv", "kind", "--data.test_path=none.csv"), "there is no file none.csv"),
    "strict": (table("twice.csv", "kind", "--data.strict=true"), "columns without a name of their own"),
    "configuration": (["--config=none.yaml"], "there is no configuration file none.yaml"),
}


@pytest.mark.parametrize(("args", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_torch_in_the_words_of_the_fit(folder: Path, args: list[str], says: str) -> None:
    done = started_without_torch("fit.py", args, folder)
    assert says in done.stderr
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {later_line(args)}\n")


def test_a_good_table_goes_on_to_the_fit(folder: Path) -> None:
    """Negative control: it is there that torch is imported."""
    done = started_without_torch("fit.py", table("good.csv", "kind"), folder)
    assert done.returncode == 1
    assert re.search("imports (torch|pytorch_lightning|lightning_fabric)", done.stderr)


def test_ctrl_c_while_torch_is_imported_is_a_line(folder: Path) -> None:
    done = started_without_torch("fit.py", table("good.csv", "kind"), folder, "KeyboardInterrupt")
    assert done.returncode == 130
    assert done.stderr.startswith("interrupted") and done.stderr.count("\n") == 1


def test_a_good_table_is_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, table("good.csv", "kind", "--trainer.max_epochs=1", "--trainer.logger=false")) == 0
    assert "LogisticRegression" in capsys.readouterr().out


SPELLINGS = {
    "spaces": ["--data", "TabularDataModule", "--data.path", "good.csv", "--data.target", "nothing"],
    "class path": ["--data=datamodules.TabularDataModule", "--data.path=good.csv", "--data.target=nothing"],
    "module": ["--data=datamodules.tabular.TabularDataModule", "--data.path=good.csv", "--data.target=nothing"],
    "init_args": [
        "--data.class_path=TabularDataModule",
        "--data.init_args.path=good.csv",
        "--data.init_args.target=nothing",
    ],
    "mapping": ["--data={class_path: TabularDataModule, init_args: {path: good.csv, target: nothing}}"],
    "later wins": table("none.csv", "kind", "--data.path=good.csv", "--data.target=nothing"),
    "configuration": ["--config=table.yaml"],
    "configuration after": ["--data.target=nothing", "--config", "table.yaml"],
    "configuration changed": ["--config=table.yaml", "--data.target=kind", "--data.exclude=[nothing]"],
    "configuration appended to": ["--config=table.yaml", "--data.target=kind", "--data.exclude+=nothing"],
    "short configuration": ["--config=short.yaml", "--data.path=good.csv", "--data.target=nothing"],
    "other class before": [*table("good.csv", "nothing"), "--config=table.yaml"],
    "number as text": table("good.csv", "1"),
    "model with settings": table("good.csv", "nothing", "--model={class_path: MLP, init_args: {widths: [2, 2]}}"),
    "model by class path": table("good.csv", "kind", "--model.class_path=lightning_modules.LinearRegression"),
    "trainer and more": table("good.csv", "nothing", "--debug", "--trainer.max_epochs", "3", "--seed_everything=1"),
}


@pytest.mark.parametrize("args", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_is_understood(args: list[str]) -> None:
    line = first_line(args)
    assert line is not None and "good.csv" in line
    assert line == later_line(args)


BAD = table("none.csv", "kind")
PASSED_OVER = {
    "help": [*BAD, "--help"],
    "help on the data": ["--data.help=TabularDataModule", *BAD],
    "help without a class": [*BAD, "--data.help"],
    "print": [*BAD, "--print_config"],
    "version": [*BAD, "--version"],
    "unknown option": [*BAD, "--nonsense=3"],
    "unknown option of the data": [*BAD, "--data.pth=none.csv"],
    "value of another type": [*BAD, "--data.seed=lucky"],
    "value missing": [*BAD, "--data.exclude"],
    "value like an option": [*BAD, "--data.exclude", "--data.seed=1"],
    "flag with a value": [*BAD, "--debug=true"],
    "positional": [*BAD, "none.csv"],
    "target missing": [TABULAR, "--data.path=none.csv"],
    "other data": ["--data=IrisDataModule"],
    "data of another package": ["--data=mine.TabularDataModule", *BAD[1:]],
    "broken mapping": ["--data={class_path: TabularDataModule", *BAD[1:]],
    "mapping without class": [*BAD, "--data={path: none.csv}"],
    "model that is not known": [*BAD, "--model=mine.LogisticRegression"],
    "model misspelt": [*BAD, "--model=LogisticRegresion"],
    "model as a broken mapping": [*BAD, "--model={class_path: LogisticRegression"],
    "model as a list": [*BAD, "--model=[LogisticRegression]"],
}


@pytest.mark.parametrize("args", PASSED_OVER.values(), ids=PASSED_OVER.keys())
def test_what_is_not_understood_is_left_to_the_fit(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    assert first_line(args) is None
    assert capsys.readouterr() == ("", "")


def test_a_file_with_other_settings_is_left_to_the_fit(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(FILES["table.yaml"] + "nonsense: 3\n")
    assert first_line([f"--config={tmp_path / 'odd.yaml'}"]) is None


words = st.sampled_from(
    [
        *("", "null", "true", "-1", "0", "1", "0.5", "[]", "[x]", "[x, kind]", "[1]", "{a: 1}", "[", "'x", "!!x", ",", "ab"),
        *("kind", "price", "x", "good.csv", "none.csv", "last", "auto", "text", "regression", "classification", "utf-8"),
    ]
)
names = st.sampled_from([*inspect.signature(TableOptions).parameters, "init_args", "class_path", "pth", "exclude+"])
models = ["LinearRegression", "SoftmaxRegression", "{class_path: LinearRegression}", "Nothing"]
# Of the options of a model and the trainer the first look knows nothing: these are right here.
options = st.one_of(
    st.tuples(names.map("--data.{}".format), words),
    st.tuples(st.sampled_from(["--data.exclude", "--data.groups", "--data.categorical", "--data.target"]), words),
    st.tuples(st.just("--model"), st.sampled_from(models)),
    st.tuples(st.sampled_from(["--data", "--config"]), st.sampled_from(["table.yaml", "TabularDataModule", "none.csv", ""])),
    st.tuples(st.sampled_from(["--help", "--nonsense", "--debug"]), st.just("")),
)
STARTS = [table("good.csv", "kind"), table("slip.csv", "price", LINEAR), ["--config=table.yaml"]]
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.slow
@settings(QUIET, max_examples=150)
@given(start=st.sampled_from(STARTS), others=st.lists(options, max_size=3), apart=st.booleans())
def test_nothing_is_refused_but_what_the_fit_refuses(start: list[str], others: list[tuple[str, str]], apart: bool) -> None:
    args = [*start, *(part for flag, word in others for part in ((flag, word) if apart else (f"{flag}={word}",)))]
    line = first_line(args)
    if line is not None:
        assert line == later_line(args)


def parameters(of: Any) -> dict[str, Any]:
    return {name: (p.annotation, p.default) for name, p in inspect.signature(of).parameters.items()}


def test_the_stand_in_has_the_options_of_the_data_module() -> None:
    assert list(parameters(TableOptions).items()) == list(parameters(TabularDataModule).items())


def test_the_tasks_are_those_of_the_models() -> None:
    assert {name: getattr(lightning_modules, name).task for name in TASKS} == TASKS


def test_the_roots_are_those_of_the_parser() -> None:
    parser: Any = FitCLI(with_base(["--trainer.logger=false"])).parser
    flags = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    roots = {flag.removeprefix("--").split(".")[0] for flag in flags}
    assert roots - {"help", "version", "print_config", "print_shtab"} == ROOTS
    assert base_of(with_base([])).keys() <= ROOTS
