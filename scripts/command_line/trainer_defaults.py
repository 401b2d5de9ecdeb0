"""What of Lightning's Trainer is another default in a run of `fit.py`."""

import sys
from typing import Any

from command_line.environment import default_devices


def trainer_defaults() -> dict[str, Any]:
    """Double precision on one device, every step logged, a bar where somebody sees it."""
    return {
        "precision": "64-true",
        "devices": default_devices(),
        "max_epochs": 100,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        "enable_progress_bar": sys.stdout.isatty(),
    }
