"""What a study keeps: the runs of one method over seeds and folds, those that diverged among them."""

from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from comparing.divergence import DivergedError, every_method_diverged
from datamodules.messages import counted

# In these more is better, in all other metrics less.
SCORES = ("accuracy", "auroc", "f1", "r2")
LOSSES = ("loss", "mse", "mae")


@dataclass(frozen=True)
class StudyRun:
    """One fit and its test.

    Attributes:
        seed: of initial weights, and of the split where there are folds.
        summary: what `summary.json` holds, and `train/…` at the end.
        course: what validation said after every epoch, `seconds` of training until then.
        gradient_seconds: of one gradient over all training rows.
    """

    seed: int
    summary: dict[str, Any]
    course: list[dict[str, float]]
    gradient_seconds: float


@dataclass(frozen=True)
class Study:
    """All runs of one method.

    Attributes:
        label: its name in the comparison.
        group: what it is drawn together with.
        chosen: settings that validation chose, by their places; empty if none were to choose, None if all of them diverged.
        trials: how many settings were tried.
        runs: over seeds and folds, those that did not diverge.
        diverged: what became of the loss of each of the others; if no setting could be chosen, of each trial.
    """

    label: str
    group: str
    chosen: dict[str, Any] | None
    trials: int
    runs: list[StudyRun]
    diverged: tuple[str, ...] = ()

    @property
    def divergence(self) -> str:
        """How many runs or settings diverged, and how the first of them did; empty if none did."""
        if not self.diverged:
            return ""
        if self.chosen is None:
            return f"none of its {self.trials} settings keeps the loss finite ({self.diverged[0]})"
        if not self.runs:
            return f"it diverged ({self.diverged[0]})"
        return (
            f"{len(self.diverged)} of its {counted(len(self.runs) + len(self.diverged), 'run')} diverged ({self.diverged[0]})"
        )

    def refuse_diverged(self) -> None:
        """Refuse to speak for a method by those of its runs that did not diverge: they alone would flatter it.

        Raises:
            DivergedError: some diverged.
        """
        if self.diverged:
            raise DivergedError(f"{self.label}: {self.divergence}")

    def by_seed(self, name: str) -> list[float]:
        """A number of the summary for each seed, the mean over its folds.

        Raises:
            DivergedError: some runs diverged.
        """
        self.refuse_diverged()
        seeds = sorted({run.seed for run in self.runs})
        return [mean(float(run.summary[name]) for run in self.runs if run.seed == seed) for seed in seeds]

    def median(self, name: str) -> float:
        """Median over seeds; raises what `by_seed` does."""
        return median(self.by_seed(name))

    def curve(self, name: str) -> list[float]:
        """Median over runs after each epoch; a run that ended earlier stays where it ended.

        Raises:
            DivergedError: some runs diverged.
        """
        self.refuse_diverged()
        longest = max(len(run.course) for run in self.runs)
        padded = [run.course + run.course[-1:] * (longest - len(run.course)) for run in self.runs]
        return [median(run[epoch][name] for run in padded) for epoch in range(longest)]

    @property
    def has_course(self) -> bool:
        """Whether validation followed it."""
        return all(run.course for run in self.runs)


def refuse_if_all_diverged(studies: list[Study]) -> None:
    """Refuse to show a comparison that has no row.

    Raises:
        DivergedError: runs of every method diverged; says what became of each.
    """
    if all(study.diverged for study in studies):
        raise every_method_diverged({study.label: study.divergence for study in studies})


def is_score(metric: str) -> bool:
    """Whether more of a metric is better."""
    return metric.rpartition("/")[2] in SCORES
