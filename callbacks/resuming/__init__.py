"""What a run needs to go on where it was stopped."""

from callbacks.resuming.last_checkpoint import LastCheckpoint
from callbacks.resuming.random_states import RandomStates
from callbacks.resuming.stop_decision import StopDecision

__all__ = ["LastCheckpoint", "RandomStates", "StopDecision"]
