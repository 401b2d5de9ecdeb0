"""One run of a method on a problem whose answer is certified: how many digits it has, and what it says of itself."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CertifiedRun:
    """A run.

    Attributes:
        problem: and where it started.
        method: and its settings.
        digits: correct ones of the worst parameter.
        reports_success: whether the method says that it has found the answer.
        steps: how many times it linearised the model.
        evaluations: how many times it called the model, those in which it was differentiated included.
        message: the error that ended the run, or nothing.
    """

    problem: str
    method: str
    digits: float
    reports_success: bool
    steps: int
    evaluations: int
    message: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        return asdict(self)
