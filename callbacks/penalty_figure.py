"""The curve by which a penalty was chosen: how well each predicts rows that were held out, and how many features it leaves."""

from collections.abc import Sequence
from typing import Protocol

from matplotlib.figure import Figure

from callbacks.log_scale import scale_log
from callbacks.okabe_ito import BLUE, GREEN, VERMILLION

CURVE, LEAST, SIMPLE = BLUE, VERMILLION, GREEN


class Chosen(Protocol):
    """What a cross-validation found, such as `lightning_modules.lasso.CrossValidated`."""

    @property
    def penalties(self) -> Sequence[float]:
        """l1, from the largest to the smallest (m,)."""

    @property
    def mean(self) -> Sequence[float]:
        """Held-out deviance of each (m,)."""

    @property
    def standard_error(self) -> Sequence[float]:
        """Of the mean (m,)."""

    @property
    def counts(self) -> Sequence[int]:
        """Features with a coefficient other than 0 (m,)."""

    @property
    def best(self) -> int:
        """Place of the least mean."""

    @property
    def one_standard_error(self) -> int:
        """Place of the largest penalty that is at most a standard error worse."""


def draw_penalties(found: Chosen) -> Figure:
    """Mean and standard error of the held-out deviance for each penalty, both choices marked; above, the features left.

    Args:
        found: by cross-validation, with at least one penalty above 0.
    """
    kept = [place for place, l1 in enumerate(found.penalties) if l1 > 0]  # 0 has no place on a logarithmic axis
    penalties, means, errors = ([of[place] for place in kept] for of in (found.penalties, found.mean, found.standard_error))
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(penalties, means, errors, color=CURVE, ecolor="0.7", fmt="o-", markersize=3, label="mean ± standard error")
    for place, color, name in ((found.best, LEAST, "least"), (found.one_standard_error, SIMPLE, "one standard error")):
        if found.penalties[place] > 0:
            count = found.counts[place]
            label = f"{name}: l1 = {found.penalties[place]:.3g}, {count} feature{'' if count == 1 else 's'}"
            axes.axvline(found.penalties[place], color=color, linestyle="--", label=label)
    scale_log(axes.xaxis, penalties)
    axes.set_xlabel("l1, relative to the mean loss")
    axes.set_ylabel("deviance of held-out rows")
    shown = kept[:: max(1, len(kept) // 8)]
    top = axes.secondary_xaxis("top")
    top.set_xticks([found.penalties[place] for place in shown], [str(found.counts[place]) for place in shown], minor=False)
    top.set_xticks([], minor=True)
    top.set_xlabel("features with a coefficient other than 0")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize="small")
    return figure
