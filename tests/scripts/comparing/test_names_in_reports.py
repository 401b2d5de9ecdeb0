"""Names of methods, groups and classes in a report: shown, not obeyed, and no paths; its figures may fail."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line.one_line_errors import run
from compare import main
from comparing import class_figures
from comparing.page import html_table, page
from comparing.saved_figure import file_stem, save_figure
from matplotlib.figure import Figure

LABELS = ("rate [/min]", "$\\frac{$", "\x1b[31mred", "<script>alert(1)</script>", "_hidden", "../../x", "{0}", "%s")


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_page_shows_names() -> None:
    read, written = Texts(), page(LABELS[3], html_table(LABELS, [LABELS]))
    read.feed(written)
    assert "script" not in read.tags and "\x1b" not in written
    for label in LABELS:
        assert read.texts.count(label.replace("\x1b", "\\x1b")) >= 2


def test_a_group_is_no_path_and_no_two_are_one_file() -> None:
    taken: list[str] = []
    for group in ("", "a b", "a_b", "../../x", "/etc/passwd", "x" * 999, "中文", "a\0b"):
        stem = file_stem("curves", group, taken)
        assert Path(stem).name == stem and len(stem) < 80 and stem not in taken and "\0" not in stem
        taken.append(stem)
    assert taken[:3] == ["curves", "curves_a_b", "curves_a_b_2"]


def test_a_figure_that_fails_leaves_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> Figure:
        raise RuntimeError("no")

    assert save_figure(tmp_path / "a.png", failing) == [] and list(tmp_path.iterdir()) == []
    assert caplog.messages == ["the figure a.png could not be drawn (RuntimeError: no)"]
    assert save_figure(tmp_path / "a.png", Figure) == [tmp_path / "a.png"]


def test_a_comparison_whose_names_are_hostile_and_a_figure_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(*_: Any) -> Figure:
        raise ValueError("no room")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(class_figures, "draw_confusions", failing)
    method = {"max_epochs": 1, "optimizer": {"class_path": "Newton"}}
    comparison = {
        "title": "[/] <b> $\\frac{$ \x1b[31m",
        "data": {"class_path": "IrisDataModule"},
        "model": {"class_path": "SoftmaxRegression", "init_args": {"l2": 0.1}},
        "methods": {label: method for label in (LABELS[0], LABELS[1] + LABELS[2] + LABELS[3])},
    }
    (tmp_path / "names.yaml").write_text(yaml.safe_dump(comparison), encoding="utf-8")
    assert run(main, ["names.yaml", "--output=report"]) == 0
    printed = capsys.readouterr()
    assert "the figure confusion.png could not be drawn (ValueError: no room)" in caplog.messages
    assert "rate [/min]" in printed.out and "\x1b" not in printed.out + printed.err
    written = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    read = Texts()
    read.feed(written)
    assert not {"script", "b"} & read.tags and "\x1b" not in written and "rate [/min]" in read.texts
    assert written.count("<img") == 5, "all but the one that failed"
    assert set(json.loads((tmp_path / "report/report.json").read_text())["runs"]) == set(comparison["methods"])


@pytest.mark.parametrize("change", [{"data": 3}, {"model": ["x"]}, {"methods": "\x1b"}, {"methods": {"\x1b": 3}}])
def test_what_is_no_setting_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]) -> None:
    comparison: dict[str, Any] = {"title": "x", "data": {"class_path": "IrisDataModule"}, "methods": {"a": {}}}
    comparison["model"] = {"class_path": "SoftmaxRegression"}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(comparison | change))
    assert run(main, [str(tmp_path / "bad.yaml")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "settings belong there, each as name: value" in said and "\x1b" not in said
