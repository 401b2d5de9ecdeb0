"""What a run ends with: a file for machines and a short table for people."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fit_cli import FitCLI
from rich.console import Console
from rich.table import Table

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
        "method": method,
        "model": model,
        "data": data,
        "seed": cli.config.seed_everything,
        "weights": cli.config.test_weights,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write all or nothing: a reader never sees half a file."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


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
    console.print(summary["status_message"], highlight=False, soft_wrap=True)
    if log_dir is not None:
        console.print(f"logs: {log_dir}", highlight=False, soft_wrap=True)
