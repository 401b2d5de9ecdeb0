"""Fit a model, test it, log it. `python scripts/fit.py --help` lists every option."""

import logging
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from base_config import with_base
from fit_cli import FitCLI
from one_line_errors import run
from summary import show, summarize, write_json


def main(args: list[str]) -> None:
    """Run one fit from command-line arguments."""
    quiet()
    cli = FitCLI(with_base(args))
    summary, log_dir = fit(cli)
    if cli.trainer.is_global_zero:
        show(summary, log_dir)


def quiet() -> None:
    """Keep Lightning's advertisements and what its own dependencies deprecate out of the user's sight."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "torch.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "LightningCLI.s args parameter is intended")  # base_config.py rewrites them
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")


def fit(cli: FitCLI) -> tuple[dict[str, Any], Path | None]:
    """Check, fit, test, and write `summary.json`; a run that fails before its first step leaves no folder.

    Returns:
        The summary, and the folder of the logs (None under `--trainer.fast_dev_run` or without a logger).
    """
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    check(cli)
    dry = bool(cli.config.trainer.fast_dev_run)
    log_dir = Path(trainer.log_dir) if trainer.log_dir and trainer.loggers and not dry else None
    existed = log_dir is not None and log_dir.exists()
    try:
        trainer.fit(model, data)
        if trainer.interrupted:
            raise KeyboardInterrupt
        best = cli.best_checkpoint.best_model_path if cli.config.test_weights == "best" and not dry else None
        results = trainer.test(model, data, ckpt_path=best, weights_only=True, verbose=False)
    except BaseException as error:
        if log_dir is not None and trainer.is_global_zero:
            if trainer.global_step == 0 and not existed:
                remove(log_dir)
            elif log_dir.exists():
                status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
                write_json(log_dir / "summary.json", {"status": status, "status_message": str(error)})
        raise
    summary = summarize(cli, {name: float(value) for name, value in results[0].items()})
    if log_dir is not None and trainer.is_global_zero:
        write_json(log_dir / "summary.json", summary)
    return summary, log_dir


def remove(log_dir: Path) -> None:
    """Delete a run's folder, and the folders above it that it alone filled."""
    shutil.rmtree(log_dir, ignore_errors=True)
    for parent in list(log_dir.parents)[:4]:  # logs/<data>/<model>/<method>
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def check(cli: FitCLI) -> None:
    """Refuse what cannot work before anything is written: data that do not load or do not suit the model."""
    cli.datamodule.prepare_data()
    cli.datamodule.setup("fit")
    for name, split in getattr(cli.datamodule, "splits", {}).items():
        if len(split[1]):
            try:
                cli.model.check_data(split)
            except ValueError as error:
                raise ValueError(f"{cli.names[1]} on {cli.names[0]} ({name} rows): {error}") from error
    if cli.config.test_weights == "best" and not (cli.has_validation and cli.trainer.checkpoint_callbacks):
        raise ValueError(
            "--test_weights=best needs validation and checkpoints: set data.val_fraction above 0, or test the last"
        )


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
