"""One run of a comparison: the fit that `fit.py` would do, and what is kept of it."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from command_line.fit_cli import FitCLI
from command_line.fitting import fit
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger

from comparing.predictions import Predictions, predict
from comparing.train_objective import TrainObjective

# What is kept of a run is of whole epochs: not every step of many has to be watched and written.
LOGGED_EVERY = 50


@dataclass(frozen=True)
class Run:
    """A method's run, or a peer's.

    Attributes:
        label: its name in the comparison.
        summary: what `summary.json` holds, `train/objective` and `train/gradient_max` (‖∇‖∞) over all training rows.
        history: values at the end of each epoch, by metric.
        objectives: training objective at the start and after each epoch.
        predictions: of the test rows at the end; None under regression.
    """

    label: str
    summary: dict[str, Any]
    history: dict[str, list[float]]
    objectives: list[float]
    predictions: Predictions | None

    @property
    def score(self) -> str:
        """The metric shown beside the loss."""
        return "accuracy" if "test/accuracy" in self.summary else "r2"

    @property
    def objective(self) -> float:
        """Training objective at the end."""
        return self.objectives[-1]

    @property
    def seconds(self) -> float:
        return float(self.summary["train_seconds"])

    @property
    def epochs(self) -> int:
        return int(self.summary["epochs"])

    @property
    def has_course(self) -> bool:
        """Whether anything is known of it between start and end."""
        return self.epochs > 1


def run_method(comparison: dict[str, Any], label: str, method: dict[str, Any], *callbacks: Callback) -> Run:
    """Fit and test one method of a comparison, and predict the test rows.

    Raises:
        NonFiniteLossError, NonFinitePredictionError: it diverged.
    """
    objective = TrainObjective()
    cli = make_cli(comparison, method, {"enable_progress_bar": False}, objective, *callbacks)
    log_dir = Path(cli.trainer.log_dir or ".")
    log_seldom(cli)
    cli.trainer.loggers = [*cli.trainer.loggers, CSVLogger(log_dir, name="history", version="")]
    summary, _ = fit(cli)
    summary |= {"train/objective": objective.values[-1], "train/gradient_max": objective.gradient_max}
    return Run(label, summary, read_history(log_dir / "history" / "metrics.csv"), objective.values, predict(cli))


def log_seldom(cli: FitCLI) -> None:
    """Let a fit log every 50th step, or of shorter epochs the last one."""
    steps, limit = len(cli.datamodule.train_dataloader()), cli.trainer.limit_train_batches
    taken = min(steps, limit) if isinstance(limit, int) else int(steps * limit)
    cli.trainer.log_every_n_steps = max(1, min(LOGGED_EVERY, taken))  # type: ignore[attr-defined]  # declared by its connector


def make_cli(comparison: dict[str, Any], method: dict[str, Any], trainer: dict[str, Any], *callbacks: Callback) -> FitCLI:
    """The fit of one method as `fit.py` would build it.

    `data` and `model_options` of a method override options of the common data module and model, such as `batch_size` and
    `widths`; `model` is another class to train with the common options, or a class with options of its own.
    """
    data = {**comparison["data"], "init_args": {**comparison["data"].get("init_args", {}), **method.get("data", {})}}
    model = method.get("model", comparison["model"]["class_path"])
    if isinstance(model, str):
        common = comparison["model"].get("init_args", {})
        model = {"class_path": model, "init_args": {**common, **method.get("model_options", {})}}
    model = {**model, "init_args": {**model.get("init_args", {}), "optimizer": method["optimizer"]}}
    config = {
        "seed_everything": comparison.get("seed_everything", 0),
        "data": data,
        "model": model,
        "trainer": {**comparison.get("trainer", {}), "max_epochs": method["max_epochs"], **trainer},
        "test_weights": comparison.get("test_weights", "last"),
    }
    torch.set_grad_enabled(True)  # a fit that failed halfway may have left it off
    return FitCLI(config, callbacks)


def read_history(path: Path) -> dict[str, list[float]]:
    """Values by name, one for each epoch, from a file of Lightning's CSVLogger, which has several rows a step."""
    by_step: dict[int, dict[str, float]] = defaultdict(dict)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_step[int(row["step"])].update({name: float(value) for name, value in row.items() if value and name != "step"})
    # The test after the fit repeats the last epoch's metrics at the next step, without a training time.
    epochs = [values for _, values in sorted(by_step.items()) if "time/train_seconds" in values]
    return {name: [values[name] for values in epochs] for name in epochs[-1] if all(name in values for values in epochs)}
