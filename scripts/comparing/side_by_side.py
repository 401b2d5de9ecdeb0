"""All methods of a comparison and its peers, each fitted and tested once, with a progress bar."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from command_line.fitting import fit
from command_line.terminal import Terminal
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from comparing.divergence import DIVERGENCES, DivergedError, every_method_diverged, reason_of
from comparing.peers import Peer
from comparing.run import Run, make_cli, run_method


@dataclass(frozen=True)
class SideBySide:
    """What the methods and peers came to.

    Attributes:
        runs: those that ended.
        diverged: what became of the others, by label.
    """

    runs: list[Run]
    diverged: dict[str, str]

    def by_label(self) -> dict[str, Run]:
        """The runs that ended."""
        return {run.label: run for run in self.runs}

    def refuse_if_all_diverged(self) -> None:
        """Refuse to show a comparison that has no row.

        Raises:
            DivergedError: says what became of each.
        """
        if not self.runs:
            raise every_method_diverged(self.diverged)

    def refuse_if_any_diverged(self) -> None:
        """For those who need a number of each.

        Raises:
            DivergedError: says who and how.
        """
        if self.diverged:
            raise DivergedError("; ".join(f"{label}: {what}" for label, what in self.diverged.items()))


def fit_side_by_side(comparison: dict[str, Any], peers: dict[str, Peer]) -> SideBySide:
    """Fit and test every method of a comparison and every peer, one after the other; one that diverges stops no other."""
    methods = comparison["methods"] | {label: peer.method(comparison) for label, peer in peers.items()}
    columns = (
        TextColumn("{task.description:16}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeRemainingColumn(),
    )
    runs, diverged = [], {}
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
        warm_up(comparison, next(iter(methods.values())))
        total = progress.add_task("all methods", total=sum(method["max_epochs"] for method in methods.values()))
        for label, method in methods.items():
            bar = EpochBar(progress, progress.add_task(label, total=method["max_epochs"]), total)
            try:
                runs.append(run_method(comparison, label, method, bar))
            except DIVERGENCES as error:
                diverged[label] = f"it diverged ({reason_of(error)})"
            bar.finish(method["max_epochs"])
    return SideBySide(runs, diverged)


def warm_up(comparison: dict[str, Any], method: dict[str, Any]) -> None:
    """One epoch that nobody looks at: a process's first fit pays for loading libraries, which no method shall pay for all."""
    with suppress(*DIVERGENCES):
        fit(make_cli(comparison, method, {"max_epochs": 1, "logger": False, "enable_checkpointing": False}))


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
