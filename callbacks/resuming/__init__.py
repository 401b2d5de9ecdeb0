"""What a run needs to go on where it was stopped."""

from callbacks.resuming.best_checkpoint import BestCheckpoint
from callbacks.resuming.final_checkpoint import FinalCheckpoint
from callbacks.resuming.last_checkpoint import LastCheckpoint
from callbacks.resuming.monitored_values import MonitoredValues
from callbacks.resuming.random_states import RandomStates
from callbacks.resuming.run_settings import RunSettings
from callbacks.resuming.stop_decision import StopDecision

__all__ = [
    "BestCheckpoint",
    "FinalCheckpoint",
    "LastCheckpoint",
    "MonitoredValues",
    "RandomStates",
    "RunSettings",
    "StopDecision",
]
