"""Bad input of every kind: one line with what, why and what to do; a non-zero exit; nothing overwritten or left behind.

Command lines and configurations alone are in `test_bad_command_line.py`; damaged image files in the tests of `datamodules`.
"""

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line.one_line_errors import run
from fit import main

from callbacks import CurvatureDiagnostics, LastCheckpoint, ReplicaCheck
from datamodules import BreastCancerDataModule, DigitsDataModule, IrisDataModule, TabularDataModule
from tests.scripts.command_line.printed import error_line

PWNED = "data: !!python/object/apply:os.mkdir ['pwned']\n"


def rows(line: Callable[[int], str], count: int = 40) -> str:
    return "".join(f"{line(i)}\n" for i in range(count))


FILES = {
    "good.csv": "x,y,kind,price\n" + rows(lambda i: f"{i},{i % 7},{'ab'[i % 2]},{i / 4}"),
    "empty.csv": "",
    "header.csv": "x,kind\n",
    "ragged.csv": "x,kind\n1,a\n2\n3,b,c\n",
    "semicolons.csv": "x;kind\n" + rows(lambda i: f"{i};{'ab'[i % 2]}"),
    "infinite.csv": "x,kind\n" + rows(lambda i: f"{'inf' if i == 3 else i},{'ab'[i % 2]}"),
    "hole.csv": "x,kind\n" + rows(lambda i: f"{'' if i == 3 else i},{'ab'[i % 2]}"),
    "target_hole.csv": "x,kind\n" + rows(lambda i: f"{i},{'' if i == 3 else 'ab'[i % 2]}"),
    "slip.csv": "x,kind\n" + rows(lambda i: f"{'l0' if i == 3 else i},{'ab'[i % 2]}"),
    "decimal_comma.csv": "x,kind\n" + rows(lambda i: f'"{i},5",{"ab"[i % 2]}'),
    "identifiers.csv": "x,id,kind\n" + rows(lambda i: f"{i},p{i}q,{'ab'[i % 2]}", 200),
    "constant.csv": "x,c,kind\n" + rows(lambda i: f"{i},1,{'ab'[i % 2]}"),
    "constant_text.csv": "x,c,kind\n" + rows(lambda i: f"{i},red,{'ab'[i % 2]}"),
    "one_class.csv": "x,kind\n" + rows(lambda i: f"{i},a"),
    "rare_class.csv": "x,kind\n" + rows(lambda i: f"{i},{'b' if i == 0 else 'a'}"),
    "two_rows.csv": "x,kind\n1,a\n2,b\n",
    "twice.csv": "x,x,kind\n" + rows(lambda i: f"{i},{i},{'ab'[i % 2]}"),
    "dates.csv": "day,kind\n" + rows(lambda i: f"2024-01-{i % 28 + 1:02d},{'ab'[i % 2]}"),
    "huge.csv": "x,price\n" + rows(lambda i: f"{i}e300,{i / 4}"),
    "huge_target.csv": "x,price\n" + rows(lambda i: f"{i},{i / 4}e300"),
    "table.txt": "x,kind\n1,a\n",
    "text.parquet": "this is no parquet",
    "open.yaml": "data: [\n",
    "unknown.yaml": "dat:\n  class_path: IrisDataModule\n",
    "number.yaml": "model: 3\n",
    "trainer.yaml": "trainer: fast\n",
    "alone.yaml": "seed_everything: 3\n",
    "tab.yaml": "data:\n\tclass_path: x\n",
    "code.yaml": PWNED,
    "list.yaml": "data: {class_path: IrisDataModule}\nmodel: {class_path: MLP, init_args: {optimizer: [Newton]}}\n",
    "cut.ckpt": "PK123",
    "a_file": "",
}


class Bad(NamedTuple):
    args: list[str]
    says: tuple[str, ...]
    environment: dict[str, str] = {}  # noqa: RUF012


def table(file: str, *args: str, target: str = "kind") -> list[str]:
    return ["--data=TabularDataModule", f"--data.path={file}", f"--data.target={target}", *args]


LINEAR = "--model=LinearRegression"
SOFTMAX = "--model=SoftmaxRegression"
SGD = "--model.optimizer=torch.optim.SGD"
ADAM = "--model.optimizer=torch.optim.Adam"
ONE = "--trainer.max_epochs=1"
EARLY = "--trainer.callbacks=EarlyStopping"
DDP = ["--trainer.accelerator=cpu", "--trainer.devices=1", "--trainer.strategy=ddp"]
ROOT = "--trainer.default_root_dir"

TABLES = {
    "empty": Bad(table("empty.csv"), ("empty.csv cannot be read as csv: Empty CSV", "check the file")),
    "header-only": Bad(table("header.csv"), ("header.csv has no rows", "check the file")),
    "ragged": Bad(table("ragged.csv"), ("Expected 2 columns, got 1", "check the file and the delimiter")),
    "delimiter-of-file": Bad(table("semicolons.csv"), ("no column 'kind' (target)", "its columns are 'x;kind'")),
    "infinite": Bad(table("infinite.csv"), ("1 values are missing or infinite, in columns 'x' (1)", "drop those rows")),
    "hole": Bad(table("hole.csv"), ("1 values are missing or infinite, in columns 'x' (1)", "fill them in")),
    "hole-in-target": Bad(table("target_hole.csv"), ("in columns 'kind' (1)", "drop those rows")),
    "slip": Bad(table("slip.csv"), ("'x' holds numbers, but text in 1 of 40 rows (first 'l0', row 4)", "correct those cells")),
    "decimal-comma": Bad(table("decimal_comma.csv"), ("numbers with a decimal comma (first '0,5')", "with a point")),
    "identifiers": Bad(table("identifiers.csv"), ("'id' has 200 different texts in 200 rows", "exclude")),
    "constant": Bad(table("constant.csv"), ("1 columns are constant: 'c'", "leave them out")),
    "constant-text": Bad(table("constant_text.csv"), ("'c' is constant (always 'red')", "exclude")),
    "one-class": Bad(table("one_class.csv"), ("one class only ('a')", "choose another target")),
    "rare-class": Bad(table("rare_class.csv"), ("class 'b' has 1 rows", "add rows of that class")),
    "two-rows": Bad(table("two_rows.csv"), ("2 rows leave none for training", "add rows")),
    "same-name-twice": Bad(table("twice.csv"), ("several columns are called 'x'", "rename them")),
    "dates": Bad(table("dates.csv"), ("'day' is date32[day], neither number nor text", "convert it or name it in exclude")),
    "huge": Bad(table("huge.csv", LINEAR, target="price"), ("values above 1e+150", "'x'", "overflow", "larger unit")),
    "huge-target": Bad(table("huge_target.csv", LINEAR, target="price"), ("values above", "the target", "larger unit")),
    "ending": Bad(table("table.txt"), ("only .csv and .parquet", "not .txt")),
    "no-parquet": Bad(table("text.parquet"), ("text.parquet cannot be read as parquet", "check the file")),
    "cut-parquet": Bad(table("cut.parquet"), ("cut.parquet cannot be read as parquet", "check the file")),
    "lists": Bad(table("nested.parquet"), ("'x' is list<", "neither number nor text", "exclude")),
    "not-utf-8": Bad(table("latin.csv"), ("text that is not UTF-8", "convert it")),
    "folder": Bad(table("folder.csv"), ("there is no file folder.csv", "it is a folder", "check --data.path")),
    "missing": Bad(table("none.parquet"), ("there is no file none.parquet", "check --data.path")),
    "exclude-all": Bad(table("good.csv", "--data.exclude=[x,y,price]"), ("no column left besides the target 'kind'",)),
    "exclude-unknown": Bad(table("good.csv", "--data.exclude=[z]"), ("no column 'z' (exclude)", "'x', 'y'")),
    "exclude-target": Bad(table("good.csv", "--data.exclude=[kind]"), ("'kind' cannot be left out", "remove it")),
    "exclude-text": Bad(table("good.csv", "--data.exclude=x"), ("--data.exclude=x", "list belongs there")),
    "categorical-unknown": Bad(table("good.csv", "--data.categorical=[z]"), ("no column 'z' (categorical)",)),
    "delimiter": Bad(table("good.csv", "--data.delimiter=ab"), ("delimiter='ab'", "one character")),
    "task": Bad(table("good.csv", "--data.task=guess"), ("--data.task=guess", "'regression' belongs there")),
    "text-regression": Bad(table("good.csv", "--data.task=regression"), ("not a number", "use task=classification")),
}
CONFIGURATIONS = {
    "yaml-open": Bad(["--config=open.yaml"], ("open.yaml is not YAML", "line 2")),
    "yaml-unknown": Bad(["--config=unknown.yaml"], ("there is no option --dat.class_path", "--help")),
    "yaml-number": Bad(["--config=number.yaml"], ("--model: give the name of a class", "LogisticRegression")),
    "yaml-trainer": Bad(["--config=trainer.yaml"], ("holds 'fast'", "name: value")),
    "yaml-alone": Bad(["--config=alone.yaml"], ("data, model must be named", "--data=CLASS")),
    "yaml-tab": Bad(["--config=tab.yaml"], ("tab.yaml is not YAML", "line 2")),
    "yaml-code": Bad(["--config=code.yaml"], ("code.yaml is not YAML", "python/object/apply")),
    "yaml-optimizer": Bad(["--config=list.yaml"], ("--model.optimizer: give the name of a class", "Newton")),
}
TRAINERS = {
    "epochs": Bad(["--trainer.max_epochs=-5"], ("must be a non-negative integer or -1", "You passed in -5")),
    "epochs-real": Bad(["--trainer.max_epochs=2.5"], ("--trainer.max_epochs=2.5", "int belongs there")),
    "devices": Bad(["--trainer.devices=many", "--trainer.accelerator=cpu"], ("`devices`", "should be an int > 0", "--help")),
    "accelerator": Bad(["--trainer.accelerator=abacus"], ("`accelerator='abacus'`", "Available names are", "cpu")),
    "strategy": Bad(["--trainer.strategy=magic"], ("`strategy='magic'`", "ddp", "--help")),
    "precision": Bad(["--trainer.precision=thin"], ("--trainer.precision=thin", "'64-true'")),
    "clipping": Bad(["--trainer.gradient_clip_val=1", ONE], ("clipping is not supported", "Remove")),
    "accumulation": Bad(["--trainer.accumulate_grad_batches=2", ONE], ("accumulation is not supported", "Remove")),
    "no-batches": Bad(["--trainer.limit_train_batches=0"], ("leaves nothing to train on", "give a number")),
    "batches": Bad(["--trainer.limit_train_batches=-1"], ("for limit_train_batches", "[0.0, 1.0] or an int")),
    "time": Bad(["--trainer.max_time=soon"], ("'soon'", "DD:HH:MM:SS")),
    "callback": Bad(["--trainer.callbacks=Nothing"], ("--trainer.callbacks=Nothing", "belongs there")),
    "seed": Bad(["--seed_everything=-1"], ("-1 is not in bounds", "from 0 to")),
    "seed-text": Bad(["--seed_everything=lucky"], ("--seed_everything=lucky", "int belongs there")),
    "learning-rate": Bad([SGD, "--model.optimizer.lr=-1"], ("Invalid learning rate: -1.0", "--model.optimizer.help=CLASS")),
    "betas": Bad([ADAM, "--model.optimizer.betas=[2,3]"], ("beta parameter at index 0", "--model.optimizer.help=CLASS")),
    "monitor-test": Bad([EARLY, "--trainer.callbacks.monitor=test/loss"], ("worthless", "monitor 'val/loss' instead")),
    "best-without-validation": Bad(["--data.val_fraction=0", "--test_weights=best"], ("above 0, or test the last",)),
    "widths": Bad(["--model=MLP", "--model.widths=[5,3,2]"], ("rows of 5 features", "make the first width")),
    "digits": Bad(["--data=DigitsDataModule", "--data.digits=[1,12]", SOFTMAX], ("12 is no digit", "0 to 9")),
    "views": Bad(["--data=DigitsDataModule", "--model=SimCLR", ADAM], ("two views", "--data=MNISTTwoViewDataModule")),
    "norms": Bad(["--gradient_norms.every_n_steps=0"], ("every_n_steps=0", "≥ 1")),
}
PLACES = {
    "checkpoint-missing": Bad(["--ckpt_path=none.ckpt"], ("there is no checkpoint none.ckpt", "check --ckpt_path")),
    "checkpoint-folder": Bad(["--ckpt_path=folder.csv"], ("it is a folder", "check --ckpt_path")),
    "checkpoint-cut": Bad(["--ckpt_path=cut.ckpt"], ("cut.ckpt is damaged", "no whole one beside it")),
    "checkpoint-other": Bad(["--ckpt_path=good.csv"], ("good.csv is damaged (it is truncated or no checkpoint",)),
    "checkpoint-last": Bad(["--ckpt_path=last"], ("no checkpoint in logs", "without --ckpt_path")),
    "checkpoint-steps": Bad(["--checkpoint_every_n_steps=0"], ("every_n_steps=0", "≥ 1, or null")),
    "root-is-a-file": Bad([f"{ROOT}=a_file"], ("cannot be written to", "Not a directory", "name another folder")),
    "root-read-only": Bad([f"{ROOT}=/proc"], ("cannot be written to /proc", "name another folder")),
    "root-device": Bad([f"{ROOT}=/dev/full"], ("cannot be written to /dev/full", "name another folder")),
    "no-network": Bad(
        ["--data=CaliforniaHousingDataModule", "--data.data_dir=nowhere", LINEAR],
        ("could not be downloaded", "no network in tests", "connect to the network, or put", "--data.data_dir"),
    ),
    "no-download": Bad(["--data=MNISTDataModule", "--data.download=false", SOFTMAX], ("MNIST is not in data", "download=true")),
    "local-rank": Bad(DDP, ("LOCAL_RANK='one'", "whole number", "unset it"), {"LOCAL_RANK": "one"}),
    "world-size": Bad(DDP, ("WORLD_SIZE='-2'", "whole number", "unset it"), {"WORLD_SIZE": "-2"}),
    "environment-seed": Bad(["--seed_everything=true"], ("PL_GLOBAL_SEED='x'", "unset it"), {"PL_GLOBAL_SEED": "x"}),
    "port": Bad(DDP, ("MASTER_PORT='http'", "correct or unset it"), {"MASTER_PORT": "http"}),
    "port-too-large": Bad(DDP, ("MASTER_PORT=70000 is no port", "up to 65535"), {"MASTER_PORT": "70000"}),
}
BAD = TABLES | CONFIGURATIONS | TRAINERS | PLACES


def test_there_are_many_cases() -> None:
    assert len(BAD) >= 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with FILES in it and no network around it."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes(
        b"x,kind\n" + b"".join(b"%d,%s\n" % (i, b"\xe4" if i % 2 else b"b") for i in range(40))
    )
    (tmp_path / "folder.csv").mkdir()
    kinds = ["a", "b"] * 20
    pa.parquet.write_table(pa.table({"x": [[1, 2]] * 40, "kind": kinds}), tmp_path / "nested.parquet")
    pa.parquet.write_table(pa.table({"x": list(range(40)), "kind": kinds}), tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:200])

    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    return tmp_path


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_line_and_nothing_left(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, bad: Bad
) -> None:
    for name, value in bad.environment.items():
        monkeypatch.setenv(name, value)
    before = {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
    assert run(main, bad.args) in (1, 2)
    line = error_line(capsys)
    for part in bad.says:
        assert part in line
    assert {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")} == before


def test_a_disk_that_fills_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has taken steps, so its folder stays, without half a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        assert run(main, [ONE, "--data=DigitsDataModule", SOFTMAX, SGD, "--model.optimizer.lr=0.1"]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    line = error_line(capsys)
    for part in ("could not be written", "File too large", "--trainer.default_root_dir"):
        assert part in line
    assert not list(folder.rglob("*.partial"))
    assert not list((folder / "logs").rglob("*.ckpt"))


def test_a_port_in_use(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # this one needs addresses
    os.chdir(folder)
    with socket.socket() as taken, pytest.MonkeyPatch.context() as patch:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for name, value in {
            "MASTER_PORT": port,
            "MASTER_ADDR": "127.0.0.1",
            "RANK": "0",
            "WORLD_SIZE": "1",
            "LOCAL_RANK": "0",
        }.items():
            patch.setenv(name, value)
        assert run(main, [*DDP, ONE]) == 1
    printed = capsys.readouterr().err.splitlines()[-1]
    assert (
        printed
        == f"error: port {port} is in use by another program or run: set another by the environment variable MASTER_PORT"
    )
    assert not (folder / "logs").exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: IrisDataModule(batch_size="all"), "batch_size='all': give a whole number, or None for all rows, not str"),
        (lambda: IrisDataModule(batch_size=2.5), "batch_size=2.5: give a whole number"),
        (lambda: IrisDataModule(batch_size=True), "batch_size=True: give a whole number"),
        (lambda: BreastCancerDataModule(val_fraction="0.2"), "val_fraction='0.2': give a number, not str"),
        (lambda: BreastCancerDataModule(test_fraction=[1]), r"test_fraction=\[1\]: give a number, not list"),
        (lambda: DigitsDataModule(seed="lucky"), "seed='lucky': give a whole number, not str"),
        (lambda: DigitsDataModule(seed=None), "seed=None: give a whole number"),
        (lambda: IrisDataModule(data_dir=3), "data_dir=3: give the path of a folder, or None, not int"),
        (lambda: TabularDataModule(3, "y"), "path=3: give the path of a file, not int"),
        (lambda: TabularDataModule("a.csv", 3), "target=3: give the name of a column, not int"),
        (lambda: TabularDataModule("a.csv", "y", exclude="x"), "exclude='x': give a list of names of columns, not str"),
        (lambda: TabularDataModule("a.csv", "y", categorical=[1]), r"categorical=\[1\]: give a list of names of columns"),
        (lambda: LastCheckpoint("often"), r"LastCheckpoint\(every_n_steps='often'\): give a number"),
        (lambda: ReplicaCheck(1.5), r"ReplicaCheck\(every_n_epochs=1\.5\): give a number"),
        (lambda: CurvatureDiagnostics("many"), r"CurvatureDiagnostics\(max_parameters='many'\): give a number"),
    ],
)
def test_wrong_types_from_python(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
