"""The bar of a fit: all of it, the metrics, and nothing left behind."""

import io
import re
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from rich.console import Console

from callbacks import FitProgress
from callbacks.shown_work import shown_work
from datamodules import BreastCancerDataModule
from lightning_modules import LogisticRegression
from lightning_modules.optimizers import GradientDescent, Newton, NonFiniteLossError
from tests.training import make_model, make_trainer


class Seen(Callback):
    """What the bar holds after every epoch."""

    def __init__(self, bar: FitProgress) -> None:
        self.bar, self.lines = bar, []

    def on_train_epoch_end(self, *_: Any) -> None:
        (task,) = self.bar._progress.tasks
        self.lines.append((task.description, task.completed, task.total, task.fields["metrics"]))


def fitted(epochs: int, batch_size: int | None, method: Any = Newton, **options: Any) -> tuple[Seen, FitProgress, str]:
    text = io.StringIO()
    bar = FitProgress(Console(file=text, force_terminal=True, width=150))
    data, seen = BreastCancerDataModule(batch_size=batch_size), Seen(bar)
    options = {"enable_progress_bar": True, "limit_val_batches": 1.0, **options}
    make_trainer(epochs, bar, seen, **options).fit(make_model(data, method), data)
    return seen, bar, text.getvalue()


def test_it_counts_all_steps_of_all_epochs() -> None:
    seen, bar, text = fitted(3, 100, partial(torch.optim.SGD, lr=0.1))
    assert [line[:3] for line in seen.lines] == [("epoch 1/3", 4, 12), ("epoch 2/3", 8, 12), ("epoch 3/3", 12, 12)]
    assert re.fullmatch(r"objective 0\.\d+  val accuracy 0\.\d+", seen.lines[-1][3])
    assert "epoch 3/3" in text and "left" in text
    assert bar._progress is None


def test_a_method_may_end_before_its_bar() -> None:
    seen, bar, _ = fitted(50, None)
    done, total = seen.lines[-1][1:3]
    assert done < 15 and total == 50 and bar._progress is None


def test_steps_bound_it_too() -> None:
    seen, *_ = fitted(9, 100, max_steps=6)
    assert seen.lines[-1][2] == 6
    seen, *_ = fitted(-1, 100, max_steps=4)
    assert seen.lines[0][0] == "epoch 1" and seen.lines[0][2] == 4


def test_an_error_leaves_the_terminal_as_it_was() -> None:
    bar = FitProgress(Console(file=io.StringIO(), force_terminal=True))
    data = BreastCancerDataModule()
    model = LogisticRegression(30, optimizer=partial(GradientDescent, lr=1e308))
    with pytest.raises(NonFiniteLossError):
        make_trainer(9, bar, enable_progress_bar=True).fit(model, data)
    assert bar._progress is None


def test_a_disabled_one_draws_nothing() -> None:
    text = io.StringIO()
    bar = FitProgress(Console(file=text, force_terminal=True))
    bar.disable()
    data = BreastCancerDataModule()
    make_trainer(2, bar, enable_progress_bar=True).fit(make_model(data, Newton), data)
    assert not text.getvalue()


def test_work_between_steps_is_said_in_the_bar_and_taken_away_again() -> None:
    class Works(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            with shown_work(trainer, "judging: nearest neighbours"):
                seen.append(bar._progress.tasks[0].fields["metrics"])
            seen.append(bar._progress.tasks[0].fields["metrics"])

    seen: list[str] = []
    text = io.StringIO()
    bar = FitProgress(Console(file=text, force_terminal=True, width=80))
    data = BreastCancerDataModule()
    make_trainer(2, bar, Works(), enable_progress_bar=True).fit(make_model(data, Newton), data)
    assert seen[0] == seen[2] == "judging: nearest neighbours" and "judging" not in seen[1] + seen[3]
    assert "judging: nearest neighbours" in text.getvalue()


def test_work_without_a_fit_has_a_line_with_its_time() -> None:
    text = io.StringIO()
    bar = FitProgress(Console(file=text, force_terminal=True, width=80))
    with bar.work("judging: fitting the probe"):
        pass
    assert re.search(r"judging: fitting the probe .*0:00:00", text.getvalue())
    bar.disable()
    text.truncate(0)
    with bar.work("judging"):
        pass
    assert "judging" not in text.getvalue()


def test_work_that_is_broken_off_leaves_no_bar() -> None:
    bar = FitProgress(Console(file=io.StringIO(), force_terminal=True, width=80))
    with pytest.raises(KeyboardInterrupt), bar.work("judging"):
        raise KeyboardInterrupt
    assert not bar.console._live_stack
