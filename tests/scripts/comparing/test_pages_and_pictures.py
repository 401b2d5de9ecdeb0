"""Pages for phones, for the dark, and for those who do not see; figures that show all there is."""

import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from comparing.class_figures import draw_class_accuracies
from comparing.counted_title import counted_title
from comparing.figures import draw_panels, objective, optimum_of, runtime_bars, runtime_curves
from comparing.five_lines import five_lines
from comparing.metric_names import metric_name
from comparing.observations import observe
from comparing.page import html_table, inline, page
from comparing.predictions import Predictions
from comparing.run import Run
from comparing.saved_figure import save_figure
from comparing.study import Study, StudyRun
from comparing.study_figures import draw_study
from comparing.study_report import overtaking
from evidence.systems.plain_table import plain
from matplotlib.figure import Figure
from rich.table import Table

from callbacks.confusion_matrix import draw_confusion
from callbacks.log_scale import scale_log
from tests.conftest import ROOT

OPTIMUM = 0.25


def made(label: str, objectives: list[float], status: str = "budget", seconds: float = 0.2) -> Run:
    epochs = len(objectives) - 1
    times = [seconds * (i + 1) / epochs for i in range(epochs)]
    history = {"test/loss": [0.5] * epochs, "test/r2": [0.5] * epochs, "time/train_seconds": times}
    summary = {"status": status, "train_seconds": seconds, "epochs": epochs, "test/loss": 0.5, "test/r2": 0.5}
    return Run(label, summary, history, objectives, None)


def test_the_winners_last_points_are_drawn_at_rounding() -> None:
    newton = made("Newton", [1.0, 0.3, OPTIMUM, OPTIMUM - 1e-17, OPTIMUM], "converged")
    runs = [newton, made("gradient descent", [1.0, 0.9, 0.8])]
    panel = objective("epochs", optimum_of(runs))
    axes = draw_panels(runs, [(panel, panel)]).axes[0]
    (line,) = (each for each in axes.lines if each.get_label() == "Newton")
    heights, level = np.asarray(line.get_ydata()), np.finfo(float).eps * OPTIMUM
    assert np.isfinite(heights).all() and heights[2:] == pytest.approx([level] * 3)
    assert [text.get_text() for text in axes.texts] == ["rounding"], "with its line"


def test_an_objective_below_0_is_drawn_on_a_plain_axis() -> None:
    runs = [made("Newton", [1.0, -2.0, -3.0])]
    panel = objective("epochs", optimum_of(runs))
    assert draw_panels(runs, [(panel, panel)]).axes[0].get_yscale() == "linear"


def test_a_colour_is_the_methods_and_not_the_places() -> None:
    runs = [made("Newton", [1.0, 0.5]), made("Adam", [1.0, 0.6, 0.5])]
    colors = []
    for order in (runs, runs[::-1]):
        bars = draw_panels(order, [(runtime_curves, runtime_bars)]).axes[1]
        names = [text.get_text() for text in bars.get_yticklabels()]
        colors.append(dict(zip(names, (bar.get_facecolor() for bar in bars.patches), strict=True)))
        assert bars.get_xlim()[0] == 0, "bars start at 0"
    assert colors[0] == colors[1] and len(set(colors[0].values())) == 2


def test_names_have_their_units() -> None:
    assert metric_name("val/mae", "100 000 $") == "validation MAE, 100 000 $"
    assert metric_name("test/mse", "m") == "test MSE, (m)²"
    assert metric_name("test/r2", "m") == "test R²" and metric_name("test/accuracy") == "test accuracy"


@pytest.mark.parametrize("span", [(0.51, 0.69), (0.2, 0.9), (0.3, 20.0), (0.7, 0.7)])
def test_logarithmic_ticks_are_few_and_plain(span: tuple[float, float]) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], span)
    scale_log(axes.yaxis, span)
    figure.draw_without_rendering()
    low, high = axes.get_ylim()
    labels = [tick.label1.get_text() for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert 1 <= len(labels) <= 8 and not any("times" in label for label in labels)
    assert len(axes.yaxis.get_minorticklocs()) == 0


def test_every_logarithmic_axis_has_those_ticks() -> None:
    files = [file for folder in ("callbacks", "scripts") for file in (ROOT / folder).rglob("*.py") if file.stem != "log_scale"]
    found = [file.name for file in files if re.search(r"scale(=|\()\"log\"|semilog|loglog", file.read_text(encoding="utf-8"))]
    assert len(files) > 100 and not found


def test_accuracies_that_do_not_start_at_0_are_dots() -> None:
    labels = torch.tensor([0, 0, 1])
    predicted = Predictions(torch.eye(3)[labels], labels, ("a", "b", "c"))
    axes = draw_class_accuracies({"Newton": predicted, "Adam": predicted}).axes[0]
    assert not axes.patches and len(axes.lines) == 2
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b", "c (no rows)"]


def test_errors_have_a_scale_of_their_own() -> None:
    right, wrong = draw_confusion(torch.tensor([[990, 10], [0, 1000]]), ("a", "b")).axes[0].images
    assert right.get_cmap().name != wrong.get_cmap().name
    assert wrong.get_clim() == pytest.approx((0, 0.01)) and right.get_clim() == (0, 1)


def test_a_page_is_for_phones_and_for_the_dark() -> None:
    written = page("x", html_table(("a",), [("b",)]))
    assert '<meta name="viewport"' in written and "prefers-color-scheme: dark" in written
    assert re.search(r'<div class="wide" tabindex="0">\s*<table>', written) and "overflow-x: auto" in written


def test_a_number_in_a_table_is_not_broken() -> None:
    written = html_table(("a", "b"), [("gradient descent", "1.8e-03")])
    assert '<td>gradient descent</td><td class="word">1.8e-03</td>' in written and ".word { white-space: nowrap }" in page(
        "x", ""
    )


def test_an_interval_and_a_unit_in_a_table_are_not_broken() -> None:
    written = html_table(("test MAE, 100 000 $",), [("0.3488 (0.3461 … 0.3512)",)])
    assert '<td class="word">0.3488 (0.3461 … 0.3512)</td>' in written
    assert "<th>test MAE, 100\u00a0000\u00a0$</th>" in written


def test_a_picture_says_in_words_what_it_shows(tmp_path: Path) -> None:
    runs = [made("Newton", [1.0, 0.5, 0.4]), made('my "$" <b>', [1.0, 0.6, 0.5])]
    (path,) = save_figure(tmp_path / "x.png", lambda: draw_panels(runs, [(runtime_curves, runtime_curves)]))
    (alt,) = re.findall(r'alt="([^"]*)"', inline(path))
    assert alt == "Seconds of training against epochs. Shown: Newton, my &quot;$&quot; &lt;b&gt;."


def test_tables_of_a_page_command_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Tty())
    table = Table("a", title="b")
    table.add_row("c")
    assert "\x1b" not in plain(table) and "c" in plain(table)


def test_what_the_numbers_say_is_short_and_the_same_again() -> None:
    def said(times: float) -> list[str]:
        runs = [made(f"method {i}", [1.0, 0.5, 0.4 + 1e-17 * i], seconds=times * (i + 1)) for i in range(9)]
        return observe(runs, ["one.", "two.", "three."])

    assert all(re.search(r"method 7 and method 8\b", line) for line in (said(1.0)[0], said(1.0)[-1])), "as one enumerates"
    assert said(0.01) == said(3.0) and 0 < len(said(1.0)) <= 5
    assert not any(re.search(r"\d s\b|times as long|shortest", text) for text in said(0.01))


def test_what_must_be_said_is_said_in_five_lines() -> None:
    assert five_lines(list("abcdef"), ["x", "y"]) == ["a", "b", "c", "x", "y"]
    assert five_lines(["a"], list("uvwxyz")) == ["u", "v", "w", "x", "y z"]


def test_a_moment_is_told_in_epochs() -> None:
    def study(label: str, values: list[float]) -> Study:
        course = [{"val/accuracy": value, "seconds": 0.01 * (i + 1)} for i, value in enumerate(values)]
        return Study(label, "", {}, 1, [StudyRun(0, {}, course, 1.0)])

    said = overtaking(study("A", [0.5, 0.9]), study("B", [0.5, 0.6, 0.9]), "val/accuracy")
    assert said == "A reached B's final validation accuracy of 0.9000 after 2 epochs, B after 3."


def test_a_study_names_the_unit(tmp_path: Path) -> None:
    course = [{"val/mae": value, "seconds": 1.0 + value} for value in (0.9, 0.6, 0.5)]
    runs = [StudyRun(0, {"test/mae": 0.5}, course, 1.0)]
    curves, scores = draw_study([Study("Newton", "", {}, 1, runs)], "val/mae", tmp_path, "100 000 $")
    assert "alidation MAE, 100 000 $ against epochs" in inline(curves) and "est MAE, 100 000 $" in inline(scores)


@pytest.mark.parametrize(
    ("shown", "out", "title"), [(3, 0, "x: 3 methods"), (1, 0, "x: 1 method"), (2, 1, "x: 2 of 3 methods")]
)
def test_a_title_counts_what_ran(shown: int, out: int, title: str) -> None:
    assert counted_title("x", shown, out) == title


def test_make_draws_every_picture_of_the_pages(tmp_path: Path) -> None:
    """Or says in a line why it does not."""
    arguments = ["make", "-n", "-o", ".venv/.installed", "figures", f"DATA={tmp_path}"]
    commands = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in (ROOT / "docs").glob("*.png"):
        assert f"docs/{path.name}" in commands, path.name
