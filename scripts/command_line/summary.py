"""What a run ends with: a file for machines and a short table for people."""

import json
import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from callbacks.coefficient_intervals import as_rows
from command_line.fit_cli import FitCLI

# More than a screen of them are left to `summary.json`.
MOST_COEFFICIENTS = 32
LIBRARIES = ("torch", "pytorch-lightning", "torchmetrics", "scikit-learn", "lightning-newton")


def summarize(cli: FitCLI, metrics: dict[str, float]) -> dict[str, Any]:
    """Results and circumstances of a finished run, as plain values."""
    data, model, method = cli.names
    return {
        **metrics,
        "epochs": cli.trainer.current_epoch,
        "train_seconds": cli.training_time.seconds,
        "status": cli.convergence_status.status,
        "status_message": cli.convergence_status.message,
        "coefficients": as_rows(cli.coefficient_intervals.table),
        "method": method,
        "model": model,
        "data": data,
        "seed": cli.config.seed_everything,
        "weights": cli.config.test_weights,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write all or nothing: a reader never sees half a file.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def show(summary: dict[str, Any], log_dir: Path | None) -> None:
    """Print the table and the path of the logs."""
    console = Console()
    console.print(f"{summary['model']} on {summary['data']} by {summary['method']}", highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    for name, value in summary.items():
        if name.startswith("test/"):
            table.add_row(name.replace("test/", "test "), f"{value:.4f}")
    table.add_row("epochs", str(summary["epochs"]))
    table.add_row("seconds of training", f"{summary['train_seconds']:.3f}")
    table.add_row("convergence", str(summary["status"]))
    console.print(table)
    if 0 < len(summary["coefficients"]) <= MOST_COEFFICIENTS:
        console.print(coefficient_table(summary["coefficients"]))
    console.print(summary["status_message"], highlight=False, soft_wrap=True)
    if log_dir is not None:
        console.print(f"logs: {log_dir}", highlight=False, soft_wrap=True)


def coefficient_table(coefficients: dict[str, dict[str, float]]) -> Table:
    """Estimate, standard error, interval and p-value of each coefficient."""
    table = Table("coefficient", "estimate", "± s.e.", "95 % interval", "p")
    for name, row in coefficients.items():
        p_value = f"{row['p_value']:.2g}" if row["p_value"] else "< 1e-300"
        table.add_row(
            name,
            f"{row['estimate']:.4g}",
            f"{row['standard_error']:.2g}",
            f"{row['low']:.3g} … {row['high']:.3g}",
            p_value,
        )
    return table
