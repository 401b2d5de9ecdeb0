"""One comparison of the benchmark: repeated, interleaved measurements of two ways to the same result."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any, Literal

from evidence.benchmarks.agreement import Agreement
from evidence.benchmarks.ratio_interval import is_settled, median_interval

# Who stands beside ours: somebody one would use instead; what no way can be below, which nobody beats; ours in other
# circumstances, such as another size or device.
Role = Literal["rival", "floor", "ourselves"]


@dataclass(frozen=True)
class BenchmarkRow:
    """Measurements taken in turn, so that the k-th of ours and of theirs saw the same state of the machine.

    Attributes:
        case: what was measured.
        unit: of the measurements.
        peer: whose the others are.
        ours, theirs: measurements, pair by pair; none below 0.
        more_is_better: whether larger numbers win.
        role: of the peer.
        agreement: of both answers; None where they answer no common question, or it was not recorded.
        our_cpu, their_cpu: the same measurements by the processor's clock; None of what is no time, or was not recorded.

    Raises:
        ArithmeticError: a measurement is below 0, or not a number.
    """

    case: str
    unit: str
    peer: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    more_is_better: bool = False
    role: Role = "rival"
    agreement: Agreement | None = None
    our_cpu: tuple[float, ...] | None = None
    their_cpu: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not all(value >= 0 for value in (*self.ours, *self.theirs, *(self.our_cpu or ()), *(self.their_cpu or ()))):
            raise ArithmeticError(f"{self.case}, beside {self.peer}: a measurement is below 0, so none means anything")

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours ÷ theirs, pair by pair."""
        return paired_ratios(self.ours, self.theirs)

    @property
    def ratio(self) -> float:
        """Their median."""
        return median(self.ratios)

    @property
    def interval(self) -> tuple[float, float] | None:
        """What the ratio lies in (`median_interval`); None of fewer than five pairs."""
        return median_interval(self.ratios)

    @property
    def is_settled(self) -> bool:
        """Whether the interval is narrow enough for the ratio to be shown."""
        return is_settled(self.ratios)

    @property
    def better(self) -> Literal["ours", "theirs", "even"] | None:
        """Who wins: of a rival only, and if the ratio is settled; "even" if its interval holds 1."""
        interval = self.interval
        if self.role != "rival" or interval is None or not self.is_settled:
            return None
        if interval[0] <= 1 <= interval[1]:
            return "even"
        return "ours" if (interval[0] > 1) == self.more_is_better else "theirs"

    def plain(self) -> dict[str, Any]:
        """Plain values for a file, with what follows from them."""
        agreement = None if self.agreement is None else self.agreement._asdict()
        found = {"ratio": self.ratio, "interval": self.interval, "better": self.better}
        return {**asdict(self), "agreement": agreement, **found}

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> "BenchmarkRow":
        """From `plain`; what follows from the measurements is not read, and what was not recorded is None."""
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        for name in ("ours", "theirs", "our_cpu", "their_cpu"):
            known[name] = None if known.get(name) is None else tuple(known[name])
        if known.get("agreement") is not None:
            known["agreement"] = Agreement(**known["agreement"])
        return cls(**known)


def paired_ratios(ours: tuple[float, ...], theirs: tuple[float, ...]) -> tuple[float, ...]:
    """Ours ÷ theirs, pair by pair: 1 where both are ∞ or nothing, ∞ beside nothing."""
    return tuple(_ratio(mine, other) for mine, other in zip(ours, theirs, strict=True))


def _ratio(mine: float, other: float) -> float:
    if mine == other:
        return 1.0
    return mine / other if other else float("inf")
