"""A fit from its configuration to `summary.json`: checked first, then fitted, tested and logged."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer

from callbacks.drawn_figure import png
from callbacks.resuming.final_checkpoint import load_final
from callbacks.resuming.last_checkpoint import NAME as LAST
from callbacks.resuming.run_folder import run_folder
from command_line.check_before_fit import check_before_fit, is_tested
from command_line.fit_cli import FitCLI
from command_line.flags import in_flags
from command_line.interruptible import was_pressed
from command_line.left_folder import remove_empty_above, remove_if_empty
from command_line.locked_folder import locked_folder
from command_line.one_line_errors import is_of_lost_process
from command_line.summary import log_text, summarize
from command_line.terminable import sigterm_left_to_trainer
from command_line.whole_checkpoints import read_checkpoint
from command_line.whole_files import write_json
from lightning_modules.optimizers.ending import counted


def fit(cli: FitCLI) -> tuple[dict[str, Any], Path | None]:
    """Check, fit, test, and write `summary.json`; a run that fails before its first step leaves no folder.

    Returns:
        The summary, and the folder of the run (None under `--trainer.fast_dev_run` or without a logger).
    """
    check_before_fit(cli)
    trainer, dry = cli.trainer, bool(cli.config.trainer.fast_dev_run)
    for logger in trainer.loggers if not dry else ():
        if logger.save_dir and trainer.is_global_zero:  # some write elsewhere if there is no such folder
            Path(logger.save_dir).mkdir(parents=True, exist_ok=True)
    log_dir = run_folder(trainer) if trainer.loggers and not dry else None
    made = log_dir is not None and (getattr(trainer.logger, "made_folder", False) or not log_dir.exists())
    # Without a logger a run still writes its checkpoints.
    written = log_dir or (run_folder(trainer) / "checkpoints" if trainer.checkpoint_callbacks and not dry else None)
    try:
        with locked_folder(written) if written is not None and trainer.is_global_zero else nullcontext():
            if cli.resumed is not None:
                cli.resumed.check_unchanged()
            return _fit(cli, log_dir, made)
    finally:
        if log_dir is not None and trainer.is_global_zero and not log_dir.exists():
            remove_empty_above(log_dir)


def _fit(cli: FitCLI, log_dir: Path | None, made: bool) -> tuple[dict[str, Any], Path | None]:
    """Fit, test and write the summary into a folder that no other run writes to."""
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    try:
        with sigterm_left_to_trainer():
            trainer.fit(model, data, ckpt_path=cli.resumed.path if cli.resumed else None, weights_only=True)
        if trainer.interrupted or trainer.received_sigterm:  # in the last epoch the trainer leaves it to who called it
            raise KeyboardInterrupt
        if cli.convergence_status.status is None:  # resumed after its last epoch: there was nothing to fit
            load_final(trainer, model)
            cli.convergence_status.judge(trainer, model)
        is_best_tested = cli.config.test_weights == "best" and not cli.config.trainer.fast_dev_run
        best = cli.best_checkpoint.best_model_path if is_best_tested else None
        cli.tested_epoch = epoch_of(Path(best)) if best else None
        results = []
        if is_tested(cli):
            results = trainer.test(model, data, ckpt_path=best, weights_only=True, verbose=False)
    except BaseException as error:
        # Lightning turns Ctrl+C and SIGTERM into SystemExit; of several processes the first to end is missed by the others.
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit)) or (was_pressed() and is_of_lost_process(error))
        if log_dir is not None and trainer.is_global_zero:
            is_first = trainer.global_step in (0, cli.resumed.step if cli.resumed else 0)
            removed = is_first and made and remove_if_empty(log_dir)
            if not removed and log_dir.exists():
                status, message = (
                    ("stopped", how_it_was_stopped(trainer, log_dir)) if stopped else ("failed", in_flags(str(error)))
                )
                with suppress(OSError):  # a full disk is likely why the run failed, and that is to be said
                    write_json(log_dir / "summary.json", {"status": status, "status_message": message})
        if stopped:
            raise KeyboardInterrupt(how_to_resume(log_dir) if trainer.is_global_zero else "") from error
        raise
    tested = results[0] if results else {}  # no test rows, or --trainer.limit_test_batches=0
    summary = summarize(cli, {name: float(value) for name, value in tested.items()})
    if log_dir is not None and trainer.is_global_zero:
        write_json(log_dir / "summary.json", summary)
        for name, draw in cli.coefficient_intervals.figures().items():
            if (content := png(f"{name}.png", draw)) is not None:
                (log_dir / f"{name}.png").write_bytes(content)
        log_text(summary, trainer.loggers, trainer.global_step)
    return summary, log_dir


def epoch_of(checkpoint: Path) -> int:
    """The epoch at whose end, or within which, a checkpoint was written; the first is 1."""
    return int(read_checkpoint(checkpoint)["epoch"]) + 1


def how_it_was_stopped(trainer: Trainer, log_dir: Path) -> str:
    """Who stopped a run from outside, when, and how to go on; nobody else is asked, who may be gone already."""
    who = "SIGTERM" if trainer.received_sigterm else "Ctrl-C"
    resume = how_to_resume(log_dir)
    return f"{who} stopped it {counted(trainer.current_epoch, 'epoch')}" + (f"; {resume}" if resume else "")


def how_to_resume(log_dir: Path | None) -> str:
    """How to go on with an interrupted run; nothing if it has no checkpoint."""
    last = log_dir and log_dir / "checkpoints" / LAST
    if last is None or not last.exists():
        return ""
    return f"the last checkpoint is {last}; the same command with --ckpt_path=last goes on from there"
