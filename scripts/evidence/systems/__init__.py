"""The sixteen published systems, run again through the project's own classes and files."""

from evidence.systems.registry import SYSTEMS
from evidence.systems.system import Claim, Context, Data, Outcome, System

__all__ = ["SYSTEMS", "Claim", "Context", "Data", "Outcome", "System"]
