"""A dense network on rows."""

from dataclasses import dataclass

from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives.columns import Columns
from lightning_modules.objectives.layered.trace import Trace
from lightning_modules.objectives.row_loss import RowLoss
from lightning_modules.objectives.rows_at_a_time import rows_at_a_time

# A chunk of rows is as large as memory hardly notices: larger ones make no matrix product faster.
CHUNK_BYTES = 2**26
# Of a unit and row a pass leaves behind at most z, φ(z), h, φ′(z) and φ″(z).
NUMBERS_PER_UNIT = 5


@dataclass(frozen=True)
class NetworkLoss(RowLoss[Trace]):
    """A pointwise loss of a network's outputs; biases are not penalised.

    Attributes:
        network: its architecture; its own parameters are never read.
        columns: what features are stored as.
    """

    network: DenseNetwork
    columns: Columns

    def chunk(self, start: int) -> tuple[Tensor, Tensor]:
        x, y = super().chunk(start)
        return self.columns.expanded(x), y

    def trace(self, theta: Tensor, features: Tensor) -> Trace:
        return Trace.of(self.network, theta, features.to(theta.dtype))

    @property
    def numbers_left(self) -> int:
        return NUMBERS_PER_UNIT * sum(self.network.widths)

    @property
    def chunk_rows(self) -> int:
        """Rows at a time: their activations and those of one more vector for each output fit in CHUNK_BYTES.

        On a device what a pass leaves behind fits in `rows_at_a_time.DEVICE_BYTES`; what takes more than one vector through
        the network takes fewer rows, `rows_of_vectors`.
        """
        units, outputs = sum(self.network.widths), self.network.widths[-1]
        in_cache = max(64, CHUNK_BYTES // (4 * units * (1 + outputs)))
        return rows_at_a_time(self.targets.device, in_cache, 8 * self.numbers_left)

    def rows_of_vectors(self, vectors: int, in_cache: int) -> int:
        """Rows at a time of which so many vectors each go through the network, which leaves three numbers of every unit."""
        return rows_at_a_time(self.targets.device, in_cache, 8 * 3 * vectors * sum(self.network.widths))
