"""A fit from its configuration to `summary.json`: checked first, then fitted, tested and logged."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, Trainer

from callbacks.resuming.last_checkpoint import NAME as LAST
from command_line.fit_cli import FitCLI
from command_line.flags import in_flags
from command_line.resume import check_resumable
from command_line.summary import log_text, summarize
from command_line.whole_files import write_json
from lightning_modules.optimizers.ending import counted


def fit(cli: FitCLI) -> tuple[dict[str, Any], Path | None]:
    """Check, fit, test, and write `summary.json`; a run that fails before its first step leaves no folder.

    Returns:
        The summary, and the folder of the logs (None under `--trainer.fast_dev_run` or without a logger).
    """
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    check_before_fit(cli)
    dry = bool(cli.config.trainer.fast_dev_run)
    log_dir = Path(trainer.log_dir) if trainer.log_dir and trainer.loggers and not dry else None
    existed = log_dir is not None and log_dir.exists() and not getattr(trainer.logger, "made_folder", False)
    try:
        trainer.fit(model, data, ckpt_path=cli.resume_path, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
        if cli.convergence_status.status is None:  # resumed after its last epoch: there was nothing to fit
            cli.convergence_status.judge(trainer, model)
        best = cli.best_checkpoint.best_model_path if cli.config.test_weights == "best" and not dry else None
        results = []
        if has_test_rows(data):
            results = trainer.test(model, data, ckpt_path=best, weights_only=True, verbose=False)
    except BaseException as error:
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit))  # Lightning turns Ctrl+C and SIGTERM into the latter
        if log_dir is not None and trainer.is_global_zero:
            if trainer.global_step == 0 and not existed:
                remove_run_folder(log_dir)
            elif log_dir.exists():
                status, message = ("stopped", how_it_was_stopped(trainer)) if stopped else ("failed", in_flags(str(error)))
                with suppress(OSError):  # a full disk is likely why the run failed, and that is to be said
                    write_json(log_dir / "summary.json", {"status": status, "status_message": message})
        if stopped:
            raise KeyboardInterrupt(how_to_resume(log_dir) if trainer.is_global_zero else "") from error
        raise
    tested = results[0] if results else {}  # no test rows, or --trainer.limit_test_batches=0
    summary = summarize(cli, {name: float(value) for name, value in tested.items()})
    if log_dir is not None and trainer.is_global_zero:
        write_json(log_dir / "summary.json", summary)
        log_text(summary, trainer.loggers)
    return summary, log_dir


def how_it_was_stopped(trainer: Trainer) -> str:
    """Who stopped a run from outside, when, and how to go on."""
    who = "SIGTERM" if trainer.received_sigterm else "Ctrl-C"
    resume = how_to_resume(Path(trainer.log_dir) if trainer.log_dir else None)
    return f"{who} stopped it {counted(trainer.current_epoch, 'epoch')}" + (f"; {resume}" if resume else "")


def how_to_resume(log_dir: Path | None) -> str:
    """How to go on with an interrupted run; nothing if it has no checkpoint."""
    last = log_dir and log_dir / "checkpoints" / LAST
    if last is None or not last.exists():
        return ""
    return f"the last checkpoint is {last}; the same command with --ckpt_path=last goes on from there"


def remove_run_folder(log_dir: Path) -> None:
    """Delete a run's folder, and the folders above it that it alone filled."""
    shutil.rmtree(log_dir, ignore_errors=True)
    for parent in list(log_dir.parents)[:4]:  # logs/<data>/<model>/<method>
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def check_writable(folder: Path) -> None:
    """Refuse to fit for hours what cannot be kept.

    Raises:
        OSError: files cannot be made in the folder, or in the first above it that is there.
    """
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OSError(
            f"the run cannot be written to {folder} ({existing}: {error.strerror or error}): name another folder with "
            "--trainer.default_root_dir"
        ) from error


def check_before_fit(cli: FitCLI) -> None:
    """Refuse what cannot work before anything is written: data that do not load or do not suit the model."""
    if cli.trainer.limit_train_batches == 0:
        raise ValueError("--trainer.limit_train_batches=0 leaves nothing to train on: give a number of batches, or a share")
    # Not the folder of the run itself: to ask for that would make it.
    check_writable(Path(getattr(cli.trainer.logger, "root_dir", None) or cli.trainer.default_root_dir))
    cli.datamodule.prepare_data()
    cli.datamodule.setup("fit")
    for name, split in getattr(cli.datamodule, "splits", {}).items():
        if len(split[1]):
            try:
                cli.model.check_data(split)
            except ValueError as error:
                raise ValueError(f"{cli.names[1]} on {cli.names[0]} ({name} rows): {error}") from error
    if cli.resume_path is not None:
        settings = {"model": dict(cli.model.hparams), "data": dict(cli.datamodule.hparams)}
        check_resumable(cli.resume_path, cli.model, cli.model.make_optimizer(cli.model.parameters()), settings)
    if cli.config.test_weights == "best" and not (cli.has_validation and cli.trainer.checkpoint_callbacks):
        raise ValueError(
            "--test_weights=best needs validation and checkpoints: set data.val_fraction above 0, or test the last"
        )
    if cli.config.test_weights == "best" and not has_test_rows(cli.datamodule):
        raise ValueError("there are no test rows for --test_weights=best: set data.test_fraction above 0, or name no weights")


def has_test_rows(data: LightningDataModule) -> bool:
    """Whether there is something to test; data that do not say how they are split are taken to have it."""
    splits = getattr(data, "splits", {})
    return "test" not in splits or len(splits["test"][1]) > 0
