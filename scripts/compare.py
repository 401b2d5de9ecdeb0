"""Run several methods on one task with the same split and start, and write a report. `--help` lists the options."""

import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from base_config import read_config
from comparison_figures import draw_figures
from comparison_report import Run, write_report
from fit import fit, quiet
from fit_cli import FitCLI
from one_line_errors import run
from one_line_parser import OneLineParser
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import CSVLogger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

COMPARISONS = Path(__file__).parent / "comparisons"


def main(args: list[str]) -> None:
    """Run the comparison that the arguments name."""
    quiet()
    known = ", ".join(sorted(file.stem for file in COMPARISONS.glob("*.yaml")))
    parser = OneLineParser(prog="compare.py", description=__doc__)
    parser.add_argument("name", help=f"A comparison: {known}, or the path of a YAML file like theirs.")
    parser.add_argument("--output", type=str, default=None, help="Folder of the report; default reports/<name>/version_n.")
    parser.add_argument("--data_dir", type=str, default=None, help="Folder of the data, where the data set needs one.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    path = COMPARISONS / f"{options.name}.yaml"
    if not path.is_file():
        path = Path(options.name)
    if not path.is_file():
        raise FileNotFoundError(f"there is no comparison {options.name!r}: choose among {known}, or name a YAML file")
    comparison = read_config(path)
    missing = [key for key in ("title", "data", "model", "methods") if not comparison.get(key)]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: compare it with scripts/comparisons/breast_cancer.yaml")
    if options.data_dir is not None:
        comparison["data"].setdefault("init_args", {})["data_dir"] = options.data_dir
    runs = run_all(comparison)
    output = Path(options.output) if options.output else next_version(Path("reports") / path.stem)
    output.mkdir(parents=True, exist_ok=True)
    figures = draw_figures(runs, output)
    table = write_report(comparison["title"], runs, figures, output)
    Console().print(table)
    Console().print(f"report: {output / 'report.html'}", highlight=False, soft_wrap=True)


def run_all(comparison: dict[str, Any]) -> list[Run]:
    """Fit and test every method of a comparison, one after the other."""
    methods = comparison["methods"]
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # The first fit of a process pays for loading libraries; let no method pay for the others.
        fit(
            make_cli(
                comparison, next(iter(methods.values())), {"max_epochs": 1, "logger": False, "enable_checkpointing": False}
            )
        )
        total = progress.add_task("all methods", total=sum(method["max_epochs"] for method in methods.values()))
        runs = []
        for label, method in methods.items():
            bar = EpochBar(progress, progress.add_task(label, total=method["max_epochs"]), total)
            cli = make_cli(comparison, method, {"enable_progress_bar": False}, bar)
            log_dir = Path(cli.trainer.log_dir or ".")
            cli.trainer.loggers = [*cli.trainer.loggers, CSVLogger(log_dir, name="history", version="")]
            summary, _ = fit(cli)
            bar.finish(method["max_epochs"])
            runs.append(Run(label, summary, read_history(log_dir / "history" / "metrics.csv")))
    return runs


def make_cli(comparison: dict[str, Any], method: dict[str, Any], trainer: dict[str, Any], *callbacks: Callback) -> FitCLI:
    """The fit of one method as `fit.py` would build it.

    `data` of a method overrides options of the common data module, such as `batch_size`.
    """
    data = {**comparison["data"], "init_args": {**comparison["data"].get("init_args", {}), **method.get("data", {})}}
    model = {**comparison["model"], "init_args": {**comparison["model"].get("init_args", {}), "optimizer": method["optimizer"]}}
    config = {
        "seed_everything": comparison.get("seed_everything", 0),
        "data": data,
        "model": model,
        "trainer": {**comparison.get("trainer", {}), "max_epochs": method["max_epochs"], **trainer},
    }
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


def next_version(folder: Path) -> Path:
    """The first of version_0, version_1, … that does not exist."""
    number = 0
    while (folder / f"version_{number}").exists():
        number += 1
    return folder / f"version_{number}"


class EpochBar(Callback):
    """Moves a progress bar, and the bar of all runs, one on per epoch."""

    def __init__(self, progress: Progress, *tasks: Any) -> None:
        self.progress, self.tasks, self.done = progress, tasks, 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._advance(1)

    def finish(self, epochs: int) -> None:
        """A method that stopped early has nothing left to do."""
        self._advance(epochs - self.done)

    def _advance(self, epochs: int) -> None:
        self.done += epochs
        for task in self.tasks:
            self.progress.advance(task, epochs)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
