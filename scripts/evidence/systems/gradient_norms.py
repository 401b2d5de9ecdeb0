"""Gradient norms by layer at the first step, by initialisation, and what is learnt: measured by fits and drawn."""

import csv
import re
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

from command_line.fitting import fit
from comparing.run import make_cli, read_history
from matplotlib.figure import Figure
from pytorch_lightning.loggers import CSVLogger

from callbacks.log_scale import scale_log
from callbacks.method_styles import method_styles

LAYER = re.compile(r"grad_norm/.*\.(\d+)")


def fit_and_log_norms(comparison: dict[str, Any], method: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Logged norms by layer at the first step, and the test accuracy after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        quiet_trainer = {"enable_progress_bar": False, "enable_checkpointing": False, "log_every_n_steps": 1}
        cli = make_cli(comparison, method, {**quiet_trainer, "default_root_dir": folder})
        cli.trainer.loggers = [CSVLogger(folder, name="history", version="")]
        fit(cli)
        history = Path(folder) / "history" / "metrics.csv"
        return first_norms(history), read_history(history)["test/accuracy"]


def first_norms(path: Path) -> list[float]:
    """`grad_norm/<layer>` at step 0, first layer first, from a file of Lightning's CSVLogger."""
    norms: dict[int, float] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if (match := LAYER.fullmatch(name)) and value and int(row["step"]) == 0:
                    norms[int(match[1])] = float(value)
    return [norms[index] for index in sorted(norms)]


def draw_norms(norms: dict[str, list[float]], accuracies: dict[str, list[float]]) -> Figure:
    """Norms by layer on the left, accuracy by epoch on the right."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    styles = method_styles(norms)
    for label, values in norms.items():
        style = styles[label]
        drawn = {"label": label, "marker": style.marker, **style.line}
        if not label.startswith("Xavier,"):  # another method from the same weights
            left.plot(range(1, len(values) + 1), values, **drawn)
        right.plot(range(1, len(accuracies[label]) + 1), accuracies[label], **drawn)
    left.set(xlabel="layer", ylabel="gradient norm at the first step")
    scale_log(left.yaxis, chain.from_iterable(norms.values()))
    right.set(xlabel="epochs", ylabel="test accuracy", ylim=(0, 1))
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure
