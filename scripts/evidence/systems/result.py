"""What running a system came to, whether it ran or not, and the same for a file."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from evidence.systems.system import Claim, Outcome, System


@dataclass(frozen=True)
class Result:
    """A system with its outcome.

    Attributes:
        system: which.
        outcome: of its run; empty if it could not be run.
        seconds: it took.
        obstacle: what it lacks to be run; empty if nothing.
        error: what stopped it; empty if nothing.
        is_compared: whether its numbers are held against what is expected.
        shortened: what was left out; empty if nothing was.
        provenance: what `evidence.provenance` said when it began.
    """

    system: System
    outcome: Outcome
    seconds: float = 0.0
    obstacle: str = ""
    error: str = ""
    is_compared: bool = True
    shortened: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> list[Claim]:
        """The numbers that are not as expected."""
        return [claim for claim in self.outcome.claims if not claim.ok] if self.is_compared else []

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.obstacle or self.error:
            return self.obstacle or f"stopped: {self.error}"
        if not self.is_compared:
            return "quick: not compared"
        total = len(self.outcome.claims)
        return f"all {total} ok" if not self.failed else f"{len(self.failed)} of {total} NOT ok"

    def rows(self) -> list[tuple[str, ...]]:
        """A row of the table for each number: name, published, expected, obtained, verdict."""
        return [
            (claim.name, claim.published or "–", claim.expected.text, claim.text, self.judged(claim))
            for claim in self.outcome.claims
        ]

    def judged(self, claim: Claim) -> str:
        """ok or not."""
        if not self.is_compared:
            return "–"
        return "ok" if claim.ok else "NOT ok"

    @property
    def page_pictures(self) -> dict[str, str]:
        """What docs/results.md says of each of its pictures, by their names in docs/."""
        return {f"systems_{self.system.number}_{name}": text for name, text in self.system.page_pictures.items()}

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {
            "number": self.system.number,
            "title": self.system.title,
            "wrong_in_the_published_version": self.system.wrong,
            "shortened": self.shortened,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 1),
            **self.provenance,
            "figures": [
                {
                    "name": claim.name,
                    "published": claim.published,
                    "expected": claim.expected.text,
                    "obtained": claim.text,
                    "value": claim.obtained if isfinite(claim.obtained) else None,
                    "verdict": self.judged(claim),
                    "headline": claim.is_headline,
                }
                for claim in self.outcome.claims
            ],
            "remarks": self.outcome.remarks,
            "pictures": self.page_pictures,
        }


def plain(results: list[Result]) -> dict[str, Any]:
    """Plain values by the systems' numbers."""
    return {result.system.number: result.plain() for result in results}
