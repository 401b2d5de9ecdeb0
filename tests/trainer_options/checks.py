"""What options mean, as assertions about a run that is over."""

import csv
from collections.abc import Callable

import torch

from tests.trainer_options.walking import EPOCHS, Run

Check = Callable[[Run], None]


def all_of(*checks: Check) -> Check:
    def check(run: Run) -> None:
        for one in checks:
            one(run)

    return check


def moved(run: Run) -> None:
    assert not torch.equal(run.theta.double(), run.start.double())


def ends_after(epochs: int = EPOCHS, batches: int | None = None, times: int = 1) -> Check:
    """So many epochs of so many batches, one step for each; None: of all batches."""

    def check(run: Run) -> None:
        each = run.batches if batches is None else min(batches, run.batches)
        assert run.trainer.current_epoch == epochs
        assert len(run.seen.rows) == epochs * each
        assert run.trainer.global_step == epochs * -(-each // times)

    return check


def steps(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.trainer.global_step == number

    return check


def at_least_steps(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.trainer.global_step >= number

    return check


def at_most_steps(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.trainer.global_step <= number

    return check


def nothing_trained(run: Run) -> None:
    assert run.trainer.global_step == 0 and torch.equal(run.theta.double(), run.start.double())


def same_rows_in_every_epoch(run: Run) -> None:
    of_epoch = {epoch: [rows for number, rows in run.seen.rows if number == epoch] for epoch, _ in run.seen.rows}
    first = of_epoch.pop(0)
    assert of_epoch, "one epoch shows nothing"
    for batches in of_epoch.values():
        assert len(batches) == len(first)
        assert all(torch.equal(a, b) for a, b in zip(first, batches, strict=True))


def other_rows_in_every_epoch(run: Run) -> None:
    first, second = (next(rows for number, rows in run.seen.rows if number == epoch) for epoch in (0, 1))
    assert not torch.equal(first, second)


def is_no_whole_training_set(run: Run) -> None:
    """A batch of several, even the only one that is looked at, proves nothing of the training set."""
    assert not getattr(run.trainer.optimizers[0], "status", None)
    assert run.model.convergence().status not in ("converged", "stalled")  # type: ignore[operator]


def validations(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.seen.validations == number

    return check


def sanity_checks(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.seen.sanity_checks == number

    return check


def dtype(wanted: torch.dtype) -> Check:
    def check(run: Run) -> None:
        assert run.theta.dtype == wanted

    return check


def wrote(pattern: str) -> Check:
    """At least one file of this name below the run's folder."""

    def check(run: Run) -> None:
        assert list(run.folder.rglob(pattern)), sorted(run.folder.rglob("*"))

    return check


def wrote_nothing(run: Run) -> None:
    assert not [path for path in run.folder.rglob("*") if path.is_file()]


def loaders(number: int) -> Check:
    def check(run: Run) -> None:
        assert run.loaders == number

    return check


def logged(column: str, every: int = 1) -> Check:
    """A number of this name at every so many steps, in the file of `CSVLogger`."""

    def check(run: Run) -> None:
        (file,) = run.folder.rglob("metrics.csv")
        with file.open(newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if any(value and column in name for name, value in row.items())]
        assert len(rows) == (run.trainer.global_step // every if every else 0)

    return check


def tested(run: Run) -> None:
    assert "test/loss" in run.trainer.callback_metrics


def body_is_frozen(run: Run) -> None:
    """Bit for bit, and the rest has moved."""
    if not hasattr(run.model, "network"):  # a linear model has no body
        return
    head = sum(parameter.numel() for parameter in run.model.network.layers[-1].parameters())  # type: ignore[union-attr, index]
    assert torch.equal(run.theta[:-head].double(), run.start[:-head].double())
    assert not torch.equal(run.theta[-head:].double(), run.start[-head:].double())
