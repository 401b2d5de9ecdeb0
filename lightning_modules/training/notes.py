"""What the user should know of a run; `fit.py` shows it."""

import logging

from pytorch_lightning.utilities import rank_zero_only

log_info = rank_zero_only(logging.getLogger("lightning_modules").info)
