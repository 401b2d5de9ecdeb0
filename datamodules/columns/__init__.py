"""What the columns of a table mean, and how their cells become numbers; neither torch nor scikit-learn is needed for it."""

from datamodules.columns.column import Column
from datamodules.columns.encoder import Encoder
from datamodules.columns.encoding import Encoding

__all__ = ["Column", "Encoder", "Encoding"]
