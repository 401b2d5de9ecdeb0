"""One figure of a fit's steps: of what is logged, without work in the steps; zeros are seen on its log axes."""

import time
from pathlib import Path
from typing import Any

import matplotlib.colors
import numpy as np
import pytest
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from sklearn.datasets import load_diabetes
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks import CurvatureDiagnostics, GradientNorms, LearningRate, StepCourse, UpdateRatios
from callbacks.step_course import MOST_POINTS, ThinnedPoints
from callbacks.step_course_figure import NAMES, OBJECTIVE, PANELS, above_best, draw_step_course
from datamodules import ArrayDataModule, BreastCancerDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.training import METHODS, make_model, make_trainer

EPS = float(np.finfo(float).eps)


class Spied(StepCourse):
    """Keeps what it has heard."""

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.heard = {name: points.kept for name, points in self._course.items()}
        super().on_fit_end(trainer, pl_module)


def fitted(folder: Path, method: Any, epochs: int = 12) -> Spied:
    data, course = BreastCancerDataModule(), Spied()
    callbacks = (CurvatureDiagnostics(), GradientNorms(), LearningRate(), UpdateRatios(), course)
    trainer = make_trainer(epochs, *callbacks, logger=TensorBoardLogger(folder, "", ""), log_every_n_steps=1)
    trainer.fit(make_model(data, method), data)
    return course


def test_it_draws_what_is_logged(tmp_path: Path) -> None:
    course = fitted(tmp_path, Newton)
    events = EventAccumulator(str(tmp_path)).Reload()
    (image,) = events.Images("train/steps")
    objective = course.heard[OBJECTIVE]
    assert image.step == len(objective) - 1 and len(objective) > 5
    for name in NAMES:
        logged = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in logged] == [step for step, _ in course.heard[name]]
        assert [value for _, value in logged] == pytest.approx([value for _, value in course.heard[name]], rel=1e-6)
    distance = objective[-2][1] - objective[-1][1]
    assert 0 < distance < 1e-9, "in float64: TensorBoard's seven digits would show nothing of it"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_method_has_one(tmp_path: Path, method: Any) -> None:
    course = fitted(tmp_path, method, 3)
    assert "train/steps" in EventAccumulator(str(tmp_path)).Reload().Tags()["images"]
    assert len(course.heard[OBJECTIVE]) > 0 and len(course.heard["grad_norm/total"]) > 0


def test_it_is_idle_where_nobody_sees_it(tmp_path: Path) -> None:
    data, course = BreastCancerDataModule(), Spied()
    model = make_model(data, Newton)
    make_trainer(2, course, logger=CSVLogger(tmp_path)).fit(model, data)
    assert course.heard == {} and not model._late.listeners


class Fails(CurvatureDiagnostics):
    """Ends a fit by an error."""

    def on_train_batch_end(self, *args: Any, **options: Any) -> None:
        raise RuntimeError("on purpose")


def test_after_a_fit_that_fails_the_next_one_is_heard_once(tmp_path: Path) -> None:
    data, course = BreastCancerDataModule(), Spied()
    model = make_model(data, Newton)
    with pytest.raises(RuntimeError, match="on purpose"):
        make_trainer(2, Fails(), course, logger=TensorBoardLogger(tmp_path, "", "a"), log_every_n_steps=1).fit(model, data)
    make_trainer(2, course, logger=TensorBoardLogger(tmp_path, "", "b"), log_every_n_steps=1).fit(model, data)
    assert [step for step, _ in course.heard[OBJECTIVE]] == [0, 1]


def test_colours_are_of_okabe_and_ito_and_axes_have_names() -> None:
    okabe_ito = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    colors = [color for _, _, color in PANELS]
    assert set(colors) <= okabe_ito and len(set(colors)) == len(colors)
    figure = draw_step_course({name: [(0, 2.0), (1, 1.0)] for name in NAMES}, "steps of Newton", EPS)
    assert len(figure.axes) == len(PANELS)
    for axes, color in zip(figure.axes, colors, strict=True):
        assert axes.get_xlabel() == "step" and axes.get_ylabel()
        assert matplotlib.colors.to_hex(axes.lines[0].get_color()).upper() == color or axes.lines[0].get_linestyle() == ":"


def test_zeros_are_seen_on_log_axes() -> None:
    course = {
        OBJECTIVE: [(0, 3.0), (1, 2.0), (2, float("nan")), (3, 2.0)],
        "curvature/damping": [(0, 0.0), (1, 0.0)],
        "curvature/gain_ratio": [(0, -1.0), (1, 0.5)],
    }
    objective, damping, gain = draw_step_course(course, "", EPS).axes
    lowest = [line for line in objective.lines if line.get_marker() == "v"]
    assert [list(np.asarray(line.get_xdata())) for line in lowest] == [[1, 3]], "the best, which is 0 above itself"
    assert [text.get_text() for text in objective.get_legend().get_texts()] == ["the best"]
    assert damping.texts[0].get_text() == "0 in every step"
    assert any(line.get_marker() == "v" for line in gain.lines)
    draw_step_course({OBJECTIVE: [(0, float("nan"))]}, "", EPS)


def test_what_rounding_hides_is_at_its_level() -> None:
    axes = draw_step_course({OBJECTIVE: [(0, 1.0)]}, "", EPS).axes[0]
    near, far = np.array([3.0, 2.0 + 1e-12, 2.0]), np.array([3.0, 2.1, 2.0])
    assert above_best(axes, near, EPS) == pytest.approx([1.0, 1e-12, 2 * EPS], rel=1e-3)
    assert above_best(axes, far, EPS).tolist() == pytest.approx([1.0, 0.1, 0.0]), "control: it did not come near"
    assert above_best(axes, far, EPS, is_optimal=True) == pytest.approx([1.0, 0.1, 2 * EPS], rel=1e-3)
    assert [text.get_text() for text in axes.texts].count("rounding") == 2


def test_a_long_fit_keeps_few_points_and_costs_microseconds() -> None:
    points, steps = ThinnedPoints(), 100_000
    begun = time.perf_counter()
    for step in range(steps):
        points.add(step, 1.0)
    assert (time.perf_counter() - begun) / steps < 2e-5
    kept = [step for step, _ in points.kept]
    assert MOST_POINTS / 2 <= len(kept) <= MOST_POINTS
    assert kept[0] == 0 and len(set(np.diff(kept))) == 1 and steps - kept[-1] <= kept[1]


def test_a_fit_that_needs_one_step_ends_at_rounding_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Least squares by Newton's method: nothing comes near the optimum but the optimum itself."""
    drawn: list[bool] = []

    def draw(course: Any, title: str, precision: float, is_optimal: bool) -> Any:
        drawn.append(is_optimal)
        return draw_step_course(course, title, precision, is_optimal)

    monkeypatch.setattr("callbacks.step_course.draw_step_course", draw)
    x, y = load_diabetes(return_X_y=True)
    data = ArrayDataModule(x, y, task="regression")
    for name, epochs in (("optimal", 5), ("budget", 1)):
        trainer = make_trainer(epochs, StepCourse(), logger=TensorBoardLogger(tmp_path, "", name), log_every_n_steps=1)
        trainer.fit(LinearRegression(10, optimizer=Newton), data)
    assert drawn == [True, False]


def test_ticks_of_narrow_axes_are_numbers_that_can_be_read() -> None:
    for values, least in (((1.0, 1.0), 1), ((7e-5, 1.8e-4), 3), ((0.02, 0.3), 3), ((1e-8, 1.0), 3)):
        axes = draw_step_course({OBJECTIVE: [(0, 2.0)], "step/lr": list(enumerate(values))}, "", EPS).axes[-1]
        axes.figure.canvas.draw()
        low, high = axes.get_ylim()
        shown = [
            tick.get_text()
            for place, tick in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
            if low <= place <= high
        ]
        assert len(shown) >= least and all(shown)
        steps = [place for place in axes.get_xticks() if axes.get_xlim()[0] <= place <= axes.get_xlim()[1]]
        assert all(float(place).is_integer() for place in steps)
