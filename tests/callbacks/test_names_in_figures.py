"""Names of classes and columns in figures are what they are; a figure that cannot be drawn costs a line."""

import json
import logging
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.text
import pytest
import torch
from command_line.one_line_errors import run
from fit import main
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import confusion_matrix
from callbacks.coefficient_figure import draw_coefficients
from callbacks.confusion_matrix import MOST_CLASSES, draw_class_accuracy, draw_confusion
from callbacks.drawn_figure import drawn_or_said
from callbacks.names_as_text import in_figure, in_markdown
from lightning_modules.linear.coefficients import Coefficient
from tests.scripts.hostile.names import KINDS

HOSTILE = [name for kind in KINDS for name in kind]
FORMULAE = ["$\\frac{$", "$10_$20", "$50%-$100", "\\$", "\\$a$", "$x$", "$$", "a\\\\$b$"]


@pytest.mark.parametrize("name", FORMULAE)
def test_a_name_is_no_formula(name: str) -> None:
    text = Figure().text(0, 0, "")
    assert text._preprocess_math(in_figure(name)) == (name, False), "as matplotlib will draw it"


def test_some_names_are_formulae_to_matplotlib() -> None:
    """Negative control: what a class of this name did to the end of a run."""
    figure = Figure()
    figure.text(0, 0, "$\\frac{$")
    with pytest.raises(ValueError, match=r"ParseFatalException|Expected"):
        FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 8))
def test_every_figure_of_hostile_names_is_drawn(start: int) -> None:
    names = tuple(HOSTILE[start : start + 8])
    counts = torch.eye(len(names), dtype=torch.long) * 3
    table = [Coefficient(name, 1.0, 0.1, 0.8, 1.2, 0.0) for name in (*names, "intercept")]
    for figure in (draw_confusion(counts, names), draw_class_accuracy(counts, names), draw_coefficients(table, len(names))):
        assert drawn_or_said("x", lambda figure=figure: FigureCanvasAgg(figure).draw() or True)  # type: ignore[misc]


def test_a_label_is_in_the_legend_whatever_it_begins_with() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], label=in_figure("_hidden"))
    assert [text.get_text().strip() for text in axes.legend().get_texts()] == ["_hidden"]


def test_a_feature_may_be_called_intercept() -> None:
    table = [Coefficient(name, 1.0, 0.1, 0.8, 1.2, 0.0) for name in ("my intercept", "x", "intercept")]
    ticks = [text.get_text() for text in draw_coefficients(table, 2).axes[0].get_yticklabels()]
    assert ticks == ["my intercept", "x"]


def test_the_reason_is_said_and_nothing_raised(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> None:
        raise ValueError("no\nroom")

    with caplog.at_level(logging.WARNING):
        assert drawn_or_said("the figure 'x'", failing) is None
    assert caplog.messages == ["the figure 'x' could not be drawn (ValueError: no room)"]
    assert drawn_or_said("x", lambda: 3) == 3

    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawn_or_said("x", stopped)


def test_names_are_no_tex_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)

    def is_tex() -> bool:
        return bool(matplotlib.text.Text(0, 0, "a_b").get_usetex())

    assert is_tex() and drawn_or_said("x", is_tex) is False


def test_letters_without_a_glyph_are_no_warning() -> None:
    """Warnings are errors in tests."""

    def draw() -> bool:
        figure = Figure()
        figure.text(0, 0, "中文 \N{GRINNING FACE}")
        FigureCanvasAgg(figure).draw()
        return True

    assert drawn_or_said("x", draw)


def test_too_many_classes_are_said() -> None:
    with pytest.raises(ValueError, match="65 classes, and a figure shows at most 64"):
        draw_confusion(torch.zeros(65, 65), tuple(map(str, range(MOST_CLASSES + 1))))


def test_a_fit_whose_figure_fails_ends_with_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: Any) -> Figure:
        raise RuntimeError("matplotlib gives up")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(confusion_matrix, "draw_confusion", failing)
    assert run(main, ["--data=IrisDataModule", "--model=SoftmaxRegression", "--trainer.max_epochs=1"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "drawn" in line]
    assert said == ["the figure 'test/confusion_matrix' could not be drawn (RuntimeError: matplotlib gives up)"]
    (summary,) = tmp_path.rglob("summary.json")
    assert "test/accuracy" in json.loads(summary.read_text())
    found = EventAccumulator(str(summary.parent)).Reload().Tags()["images"]  # in the order of files of the same second
    assert sorted(found) == ["test/class_accuracy", "train/steps"]


def test_markdown_shows_signs_and_obeys_none() -> None:
    assert in_markdown("![a](http://x) **b** <img src=x>\n# c") == (r"\!\[a\]\(http://x\) \*\*b\*\* &lt;img src=x&gt; \# c")
    assert in_markdown("\x1b[31m") == r"\\x1b\[31m"
