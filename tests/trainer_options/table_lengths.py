"""Options of the Trainer that say how long a fit is, on which rows, and when it is validated."""

from datetime import timedelta

from pytorch_lightning.callbacks import EarlyStopping

from tests.trainer_options import checks
from tests.trainer_options.expectations import NotApplicable, Refused, Works, each, split
from tests.trainer_options.rows import Row, trainer_row

NO_ACCUMULATION = Refused("accumulate_grad_batches|Accumulation", "a curvature method takes its step on the rows of one batch")
SHARE_TOO_SMALL = Refused("limit_train_batches|train_dataloader", "no batch is left to train on")


def plain(check: checks.Check | None = None) -> dict[str, Works]:
    """Every method works, those of torch.optim with the bits of a plain module."""
    return split(Works(check), Works(check, like_plain=True))  # type: ignore[return-value]


def stops_at_once() -> list[EarlyStopping]:
    return [EarlyStopping("val/loss", stopping_threshold=100.0)]


ROWS = [
    trainer_row("max_epochs", 2, plain(checks.ends_after(2))),
    trainer_row("max_epochs", 0, plain(checks.nothing_trained)),
    trainer_row("max_epochs", -1, plain(checks.steps(4)), also={"max_steps": 4}),
    Row(
        "Trainer.min_epochs",
        "2",
        plain(checks.ends_after(2)),
        lambda folder: {"min_epochs": 2, "max_epochs": 4, "callbacks": stops_at_once()},
        ignored=("Trainer was signaled to stop but",),
    ),
    trainer_row("max_steps", 2, plain(checks.steps(2))),
    trainer_row("max_steps", 0, plain(checks.nothing_trained)),
    Row(
        "Trainer.min_steps",
        "4",
        plain(checks.at_least_steps(4)),
        lambda folder: {"min_steps": 4, "max_epochs": 8, "callbacks": stops_at_once()},
    ),
    trainer_row("max_time", "00:01:00:00", plain(checks.ends_after())),
    trainer_row("max_time", {"seconds": 0}, each(Works(checks.at_most_steps(1)))),
    trainer_row("max_time", timedelta(minutes=1), plain(checks.ends_after())),
    trainer_row(
        "limit_train_batches",
        1,
        plain(checks.all_of(checks.ends_after(batches=1), checks.other_rows_in_every_epoch))
        | {"SubsampledNewton": Works(checks.ends_after(batches=1))},
        batch_size=32,
    ),
    Row(
        "Trainer.limit_train_batches",
        "1, of several",
        plain(checks.is_no_whole_training_set) | {"SubsampledNewton": NotApplicable("it takes all rows in one batch")},
        lambda folder: {"limit_train_batches": 1, "max_epochs": 12},
        batch_size=45,
    ),
    trainer_row(
        "limit_train_batches", 0.5, plain(checks.ends_after(batches=1)) | {"SubsampledNewton": SHARE_TOO_SMALL}, batch_size=32
    ),
    trainer_row("limit_train_batches", 0.1, each(SHARE_TOO_SMALL), batch_size=32),
    trainer_row("limit_train_batches", 1.0, plain(checks.ends_after())),
    trainer_row("limit_train_batches", 0, plain(checks.nothing_trained)),
    trainer_row("limit_val_batches", 0, plain(checks.validations(0))),
    trainer_row("limit_val_batches", 1, plain(checks.validations(3)), batch_size=20),
    trainer_row(
        "limit_val_batches",
        0.5,
        plain(checks.validations(3)) | {"SubsampledNewton": Refused("limit_val_batches", "no batch is left to validate on")},
        batch_size=10,
    ),
    trainer_row("limit_test_batches", 0, each(Works()), after="test"),
    trainer_row("limit_test_batches", 1, each(Works(checks.tested)), after="test"),
    trainer_row("limit_predict_batches", 1, each(Works()), after="predict"),
    trainer_row("limit_predict_batches", None, each(Works()), after="predict"),
    trainer_row(
        "overfit_batches", 1, plain(checks.all_of(checks.ends_after(batches=1), checks.same_rows_in_every_epoch)), batch_size=32
    ),
    trainer_row(
        "overfit_batches",
        0.7,
        plain(checks.all_of(checks.ends_after(batches=3), checks.same_rows_in_every_epoch))
        | {"SubsampledNewton": Refused("overfit_batches|train_dataloader|limit_", "no batch is left to train on")},
        batch_size=20,
    ),
    trainer_row("fast_dev_run", True, plain(checks.all_of(checks.steps(1), checks.wrote_nothing))),
    trainer_row("fast_dev_run", 2, plain(checks.steps(2)) | {"SubsampledNewton": Works(checks.steps(1))}, batch_size=32),
    trainer_row(
        "val_check_interval",
        1,
        plain(checks.validations(9)) | {"SubsampledNewton": Works(checks.validations(3))},
        batch_size=32,
    ),
    trainer_row(
        "val_check_interval",
        0.5,
        plain(checks.validations(6)) | {"SubsampledNewton": Works(checks.validations(3))},
        batch_size=25,
    ),
    trainer_row(
        "val_check_interval",
        2,
        plain(checks.validations(4)) | {"SubsampledNewton": Works(checks.validations(1))},
        batch_size=32,
        also={"check_val_every_n_epoch": None},
    ),
    trainer_row("val_check_interval", "00:01:00:00", plain(checks.validations(0))),
    trainer_row("check_val_every_n_epoch", 2, plain(checks.validations(1))),
    trainer_row("num_sanity_val_steps", 1, plain(checks.all_of(checks.sanity_checks(1), checks.ends_after()))),
    trainer_row("num_sanity_val_steps", -1, plain(checks.ends_after())),
    trainer_row("reload_dataloaders_every_n_epochs", 1, plain(checks.all_of(checks.loaders(3), checks.ends_after()))),
    trainer_row("reload_dataloaders_every_n_epochs", 0, plain(checks.all_of(checks.loaders(1), checks.ends_after()))),
    trainer_row(
        "accumulate_grad_batches", 3, split(NO_ACCUMULATION, Works(checks.ends_after(times=3), like_plain=True)), batch_size=20
    ),
    trainer_row("accumulate_grad_batches", 1, plain(checks.ends_after())),
]
