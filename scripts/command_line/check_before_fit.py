"""What cannot work is refused before anything is written."""

import tempfile
from pathlib import Path

from pytorch_lightning import LightningDataModule

from command_line.fit_cli import FitCLI
from command_line.resume import check_resumable
from command_line.run_folder import RunFolder
from lightning_modules.objectives.families import Categorical


def check_before_fit(cli: FitCLI) -> None:
    """Refuse data that do not load or do not suit the model, shares of them too small, folders that cannot be written.

    Raises:
        OSError, ValueError: says which, and what to do.
    """
    if cli.trainer.limit_train_batches == 0:
        raise ValueError("--trainer.limit_train_batches=0 leaves nothing to train on: give a number of batches, or a share")
    cli.model.check_trainer(cli.trainer, cli.datamodule)
    check_folder(cli)
    cli.datamodule.prepare_data()
    cli.datamodule.setup("fit")
    for name, split in getattr(cli.datamodule, "splits", {}).items():
        if len(split[1]):
            try:
                cli.model.check_data(split)
            except ValueError as error:
                raise ValueError(f"{cli.names[1]} on {cli.names[0]} ({name} rows): {error}") from error
    check_outputs(cli)
    check_shares(cli)
    if cli.resumed is not None:
        settings = {"model": dict(cli.model.hparams), "data": dict(cli.datamodule.hparams)}
        check_resumable(cli.resumed.path, cli.model, cli.model.method(), settings, cli.datamodule)
    if cli.config.test_weights == "best" and not (is_validated(cli) and cli.trainer.checkpoint_callbacks):
        raise ValueError(
            "--test_weights=best needs validation, in an epoch that there is, and checkpoints: set data.val_fraction, and "
            "--trainer.limit_val_batches if it is given, above 0, or test the last"
        )
    if cli.config.test_weights == "best" and cli.trainer.limit_test_batches == 0:
        raise ValueError("--trainer.limit_test_batches=0: there is no test for --test_weights=best; leave one of them out")
    if cli.config.checkpoint_every_n_steps and cli.config.trainer.enable_checkpointing is False:
        raise ValueError(
            f"--checkpoint_every_n_steps={cli.config.checkpoint_every_n_steps} and --trainer.enable_checkpointing=false "
            "exclude each other: leave one out"
        )
    if cli.config.test_weights == "best" and not has_test_rows(cli.datamodule):
        raise ValueError("there are no test rows for --test_weights=best: set data.test_fraction above 0, or name no weights")


def check_outputs(cli: FitCLI) -> None:
    """Refuse a classifier with outputs that stand for no class: its probabilities have no names.

    Raises:
        ValueError: says how many there are.
    """
    loss, classes = getattr(cli.model, "loss", None), getattr(cli.datamodule, "num_classes", 0)
    if isinstance(loss, Categorical) and classes and loss.num_outputs > classes:
        raise ValueError(
            f"{cli.names[1]} on {cli.names[0]}: {loss.num_outputs} outputs for {classes} classes: set the last width of the "
            "network to the number of classes"
        )


def check_folder(cli: FitCLI) -> None:
    """Refuse a place that cannot be written to, or that another run has.

    Raises:
        OSError: says which.
    """
    logger = cli.trainer.logger
    # Not the folder of the run itself: to ask for that would make it.
    place = getattr(logger, "root_dir", None) or getattr(logger, "save_dir", None) or cli.trainer.default_root_dir
    check_writable(Path(place))
    for each in cli.trainer.loggers if cli.trainer.is_global_zero and cli.resumed is None else ():
        version = each.asked_version if isinstance(each, RunFolder) else None
        if version is not None and (folder := Path(each.log_dir or "")).is_dir() and any(folder.iterdir()):
            raise FileExistsError(
                f"--trainer.logger.version={version}: there is a run in {folder}; leave the version out for the next free "
                "one, or go on with that run by --ckpt_path=last"
            )


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


def check_shares(cli: FitCLI) -> None:
    """Refuse a share of batches that is less than one; Lightning does so as well, for the test when all training is done.

    Raises:
        ValueError: names the option, and the smallest share.
    """
    trainer, data = cli.trainer, cli.datamodule
    shares = {"train": trainer.limit_train_batches, "val": trainer.limit_val_batches, "test": trainer.limit_test_batches}
    if is_overfit := bool(cli.config.trainer.overfit_batches):
        shares["train"] = shares["val"] = cli.config.trainer.overfit_batches
    for part, share in shares.items():
        if not isinstance(share, float) or not 0 < share < 1 or (part == "test" and not has_test_rows(data)):
            continue
        if part == "test":
            data.setup("test")
        loader = getattr(data, f"{part}_dataloader")()
        count = len(loader) if hasattr(loader, "__len__") else 0
        if int(count * share) < 1 <= count:
            option = "overfit_batches" if is_overfit and part != "test" else f"limit_{part}_batches"
            batches = "the only batch" if count == 1 else f"{count} batches"
            raise ValueError(
                f"--trainer.{option}={share} of {batches} for {_PARTS[part]} is less than one: give a number of batches, "
                "such as 1, or smaller batches by --data.batch_size"
            )


_PARTS = {"train": "training", "val": "validation", "test": "the test"}


def has_test_rows(data: LightningDataModule) -> bool:
    """Whether there is something to test; data that do not say how they are split are taken to have it."""
    splits = getattr(data, "splits", {})
    return "test" not in splits or len(splits["test"][1]) > 0


def is_tested(cli: FitCLI) -> bool:
    """Whether there is a test, which `--trainer.limit_test_batches=0` leaves out."""
    return has_test_rows(cli.datamodule) and cli.trainer.limit_test_batches != 0


def is_validated(cli: FitCLI) -> bool:
    """Whether validation happens: not where its batches are limited to none, or it is due after more than there is to train."""
    every, epochs = cli.trainer.check_val_every_n_epoch, cli.trainer.max_epochs
    if not cli.has_validation or cli.trainer.limit_val_batches == 0:
        return False
    if epochs is None or epochs < 0:
        return True
    if every is not None:
        return every <= epochs
    # After so many batches, over the ends of epochs.
    batches = cli.datamodule.train_dataloader()
    interval = cli.trainer.val_check_interval
    return not isinstance(interval, int) or not hasattr(batches, "__len__") or interval <= epochs * len(batches)
