"""A graph of layers on rows."""

from dataclasses import dataclass

from torch import Tensor

from lightning_modules.objectives.graphs.graph import Graph
from lightning_modules.objectives.graphs.sweeps import Sweeps, taken
from lightning_modules.objectives.row_loss import RowLoss
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# What a pass of a chunk of rows leaves behind, and what several vectors on their way hold at once.
CHUNK_BYTES, VECTOR_NUMBERS = 2**26, 2**21
# Of each number of a pass there may be the value, its slope, and one more for a moment.
COPIES = 3


@dataclass(frozen=True)
class GraphLoss(RowLoss[Sweeps]):
    """A pointwise loss of a module's outputs; biases and the scales of normalisations are not penalised.

    Attributes:
        graph: the module's layers.
        numbers: how many numbers the layers give of one row.
        widest: how many the layer that gives most.
    """

    graph: Graph
    numbers: int
    widest: int

    def trace(self, theta: Tensor, features: Tensor) -> Sweeps:
        return Sweeps.of(self.graph, theta, taken(self.graph, features, theta))

    @property
    def numbers_left(self) -> int:
        return COPIES * self.numbers

    @property
    def chunk_rows(self) -> int:
        in_cache = max(16, CHUNK_BYTES // (4 * self.numbers))
        return rows_at_a_time(self.targets.device, in_cache, 8 * self.numbers_left)

    def rows_of_vectors(self, vectors: int) -> int:
        """Rows at a time of which so many vectors each go through the layers."""
        numbers = vectors * self.widest
        return rows_at_a_time(self.targets.device, VECTOR_NUMBERS // numbers, 8 * COPIES * numbers)
