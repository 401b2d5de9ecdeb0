"""From rows to batches: split, order, shares of processes, the place in an epoch, and how new rows are prepared."""

from datamodules.serving.preprocessing import Preprocessing
from datamodules.serving.split_data_module import SplitDataModule

__all__ = ["Preprocessing", "SplitDataModule"]
