"""A study that was broken off goes on where it was, with the fits that would be the same, and ends as one in one sitting."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
import yaml
from command_line.one_line_errors import run
from compare import main
from comparing import kept_fits, study_run
from comparing.kept_fits import KeptFits
from comparing.study_run import num_fits, study_all

STUDY: dict[str, Any] = {
    "title": "A small study",
    "seeds": [0, 1],
    "select": "val/loss",
    "data": {"class_path": "IrisDataModule"},
    "model": {"class_path": "MLP", "init_args": {"widths": [4, 2, 3], "activation": "tanh", "l2": 0.001}},
    "methods": {
        "Adam": {
            "max_epochs": 1,
            "optimizer": {"class_path": "torch.optim.Adam"},
            "tune": {"optimizer.lr": [0.01, 0.1]},
        },
        "wild": {"max_epochs": 3, "optimizer": {"class_path": "GradientDescent", "init_args": {"lr": 1e200}}},
    },
}
TIMES = {"train_seconds", "seconds", "gradient_seconds"}


class Stop:
    """What a study calls after each fit; Ctrl-C after some of them."""

    def __init__(self, after: int | None = None) -> None:
        self.calls, self.after = 0, after

    def __call__(self, label: str) -> None:
        self.calls += 1
        if self.calls == self.after:
            raise KeyboardInterrupt


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One name for each fit that is done."""
    done: list[str] = []

    def counted_fit(name: str) -> Any:
        fit = getattr(study_run, name)

        def counting(*args: Any) -> Any:
            done.append(name)
            return fit(*args)

        counting.__name__ = name
        return counting

    for name in ("trial", "run_once"):
        monkeypatch.setattr(study_run, name, counted_fit(name))
    return done


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    return [without_times(part) for part in value] if isinstance(value, (list, tuple)) else value


def numbers(studies: list[Any]) -> Any:
    return [without_times([vars(study) | {"runs": [vars(one) for one in study.runs]}]) for study in studies]


@pytest.mark.parametrize("after", [1, 2, num_fits(STUDY) - 1])
def test_what_is_done_is_not_done_again(after: int, tmp_path: Path, fits: list[str]) -> None:
    whole = study_all(STUDY, Stop())
    fits.clear()
    with pytest.raises(KeyboardInterrupt):
        study_all(STUDY, Stop(after), KeptFits(tmp_path / "kept"))
    assert len(fits) == after
    again = KeptFits(tmp_path / "kept")
    assert len(again) == after
    studies = study_all(STUDY, Stop(), again)
    assert (len(fits), again.earlier) == (num_fits(STUDY), after)
    assert numbers(studies) == numbers(whole)
    assert studies[1].diverged, "one that diverged is an outcome as well"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is kept of the whole study."""
    folder = tmp_path_factory.mktemp("kept")
    study_all(STUDY, Stop(), KeptFits(folder))
    return folder


@pytest.mark.parametrize(("part", "value"), [("model", {"widths": [4, 3, 3]}), ("data", {"test_fraction": 0.4}), ("model", {})])
def test_a_fit_of_something_else_is_another(
    part: str, value: dict[str, Any], done: Path, tmp_path: Path, fits: list[str]
) -> None:
    copytree(done, tmp_path, dirs_exist_ok=True)
    init_args = {**STUDY[part].get("init_args", {}), **value}
    study_all({**STUDY, part: {**STUDY[part], "init_args": init_args}}, Stop(), KeptFits(tmp_path))
    assert len(fits) == (num_fits(STUDY) if value else 0)


@pytest.mark.parametrize("change", ["nothing", "threads", "code", "", "[]", "{}", '{"outcome": nul'])
def test_another_machine_code_or_file_is_no_outcome(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, outcome, threads = KeptFits(tmp_path), {"found": 0.5, "diverged": ""}, torch.get_num_threads()
    kept.keep({"seed": 0}, outcome)
    assert kept.find({"seed": 1}) is None
    if change == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads + 1)
    elif change == "code":
        monkeypatch.setattr(kept_fits, "code", lambda: "another")
    elif change != "nothing":
        (file,) = tmp_path.iterdir()
        file.write_text(change)
    assert kept.find({"seed": 0}) == (outcome if change == "nothing" else None)


def test_a_setting_more_costs_its_own_trial_only(done: Path, tmp_path: Path, fits: list[str]) -> None:
    copytree(done, tmp_path, dirs_exist_ok=True)
    adam = {**STUDY["methods"]["Adam"], "tune": {"optimizer.lr": [0.01, 0.1, 1e-9]}}
    study_all({**STUDY, "methods": {**STUDY["methods"], "Adam": adam}}, Stop(), KeptFits(tmp_path))
    assert fits == ["trial"]


@pytest.mark.parametrize("output", [None, "mine"])
def test_the_command_goes_on_and_leaves_nothing_of_it(
    output: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fits: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    args = ["small.yaml", *([f"--output={output}"] if output else [])]
    kept = Path("mine.unfinished" if output else "reports/small/unfinished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_run, "run_once", ctrl_c)
        assert run(main, args) == 130
    printed = capsys.readouterr()
    assert f"interrupted: 2 fits of the study kept in {kept}, and the same command goes on from there" in printed.err
    assert len(list(kept.iterdir())) == 2
    assert run(main, args) == 0
    assert f"fits that are the same are in {kept}; remove it to begin anew" in capsys.readouterr().out
    assert fits == ["trial", "trial", *["run_once"] * 4]
    (page,) = Path().rglob("report.html")
    assert "2 of the 6 fits had been done before the study was broken off." in page.read_text()
    assert not kept.exists()
    assert run(main, [*args[:1], "--output=another"]) == 0
    assert "broken off" not in Path("another/report.html").read_text() + capsys.readouterr().out
    assert json.loads(Path("another/report.json").read_text())["methods"]["Adam"]["trials"] == 2


def ctrl_c(*args: Any) -> None:
    raise KeyboardInterrupt


def test_a_study_that_has_done_nothing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    monkeypatch.setattr(study_run, "trial", ctrl_c)
    assert run(main, ["small.yaml"]) == 130
    assert capsys.readouterr().err.strip().splitlines()[-1] == "interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize("end", ["SystemExit", "interrupted", "received_sigterm"])
def test_a_trial_that_is_stopped_says_so(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning turns Ctrl-C into an exit without a word, or in the last epoch into an attribute."""

    def stopped(trainer: Any, *args: Any, **kwargs: Any) -> None:
        if end == "SystemExit":
            raise SystemExit(1)
        monkeypatch.setattr(type(trainer), end, True, raising=False)

    monkeypatch.setattr("pytorch_lightning.Trainer.fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        study_run.trial(STUDY, STUDY["methods"]["wild"], seed=0)
