"""Draw gradient norms by layer at the first step, by initialisation, and what is learnt. `--help` lists the options."""

import csv
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from command_line.base_config import read_config
from command_line.one_line_errors import run
from command_line.one_line_parser import OneLineParser
from comparing.run import make_cli, read_history
from fit import fit, quiet
from matplotlib.figure import Figure
from pytorch_lightning.loggers import CSVLogger
from rich.console import Console
from rich.progress import track
from rich.table import Table

COMPARISON = Path(__file__).parent / "comparisons" / "mnist_deep_tanh.yaml"
LAYER = re.compile(r"grad_norm/.*\.(\d+)")


def main(args: list[str]) -> None:
    """Fit the network once for every initialisation, write the figure, print the table."""
    quiet()
    parser = OneLineParser(prog="show_gradient_norms.py", description=__doc__)
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of the data.")
    parser.add_argument("--epochs", type=int, default=None, help="Epochs of each fit; default as in the comparison's file.")
    parser.add_argument("--output", type=str, default="gradient_norms.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    comparison = read_config(COMPARISON)
    comparison["data"]["init_args"]["data_dir"] = options.data_dir
    console = Console(stderr=True)
    norms, accuracies = {}, {}
    for label, method in track(comparison["methods"].items(), "fits", console=console, transient=True):
        method["max_epochs"] = options.epochs or method["max_epochs"]
        norms[label], accuracies[label] = fitted(comparison, method)
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(norms, accuracies).savefig(path, dpi=130)
    table = Table("initial weights", "‖∇‖ of the first layer", "of the last", "test accuracy", title=comparison["title"])
    for label, values in norms.items():
        table.add_row(label, f"{values[0]:.1e}", f"{values[-1]:.1e}", f"{accuracies[label][-1]:.4f}")
    Console().print(table)
    print(path)


def fitted(comparison: dict[str, Any], method: dict[str, Any]) -> tuple[list[float], list[float]]:
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


def draw(norms: dict[str, list[float]], accuracies: dict[str, list[float]]) -> Figure:
    """Norms by layer on the left, accuracy by epoch on the right."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (label, values) in enumerate(norms.items()):
        if label.startswith("Xavier,"):  # another method from the same weights
            right.plot(range(1, len(accuracies[label]) + 1), accuracies[label], "o--", color=f"C{number - 1}", label=label)
            continue
        left.plot(range(1, len(values) + 1), values, "o-", color=f"C{number}", label=label)
        right.plot(range(1, len(accuracies[label]) + 1), accuracies[label], "o-", color=f"C{number}", label=label)
    left.set(xlabel="layer", ylabel="gradient norm at the first step", yscale="log")
    right.set(xlabel="epochs", ylabel="test accuracy", ylim=(0, 1))
    right.xaxis.get_major_locator().set_params(integer=True)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
