"""Multilayer perceptron."""

from functools import partial
from typing import ClassVar, Literal

from torch import Tensor

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import Columns, NetworkObjective
from lightning_modules.objectives.own_parameters import owned
from lightning_modules.training.equal_rows import NETWORK_ROWS, in_blocks, whole_linear
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.network_module import LossName, NetworkModule
from lightning_modules.training.objective_module import Batch, OptimizerCallable
from lightning_modules.training.trained_parameters import refuse_other_parameters
from lightning_modules.training.two_views import StoredRows, stored_rows
from lightning_modules.training.weighted_rows import refuse_weights


class MLP(NetworkModule):
    """A dense network f, fitted to minimise  1/n Σ_i l(f(x_i), y_i) + l2/2 Σ_ℓ ‖W_ℓ‖²; the biases are not penalised.

    Gradient and curvature are computed by the sweeps of `NetworkObjective`, not by automatic differentiation. `preds` are
    class probabilities (n, K) under cross-entropy, else the outputs (n, K).

    Args:
        widths: (features, hidden widths …, classes or targets).
        activation: of the hidden layers: relu, sigmoid, identity, sign, tanh, hard_tanh, leaky_tanh or softplus.
        initialization: of the weights: xavier_uniform, xavier_half, kaiming_uniform, or a number d for uniform ±d.
        loss: cross_entropy, mse (summed over the targets of a row), l1 (likewise), or pseudo_huber (l1 rounded within 0.1
            of 0). Newton and DiagonalNewton minimise pseudo_huber for l1, which has no curvature; metrics stay those of l1.
        l2: strength of the penalty on the weights (not the biases), ≥ 0, relative to the mean loss.
        output_activation: of the last layer, by the same names.
        schedule: "constant" leaves the step size; "cosine" lets it fall to 0 over the run, as gradient descent and methods
            of torch.optim need it on mini-batches; DiagonalNewton and KroneckerNewton do not.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.

    Raises:
        ValueError: an unknown name, widths that make no network, a negative penalty, one class.
    """

    network_class: ClassVar[type[DenseNetwork]] = DenseNetwork
    reads_in_chunks = True
    takes_every_row = True
    reads_codes = True

    def __init__(
        self,
        widths: tuple[int, ...] | list[int],
        activation: str = "relu",
        initialization: float | str = "xavier_uniform",
        loss: LossName = "cross_entropy",
        l2: float = 0.0,
        output_activation: str = "identity",
        schedule: Literal["constant", "cosine"] = "constant",
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        super().__init__(loss, l2, schedule, optimizer)
        self.network = self.network_class(widths, activation, initialization, output_activation)
        self.set_loss(loss, widths[-1], f"widths={list(widths)}")

    def forward(self, features: Tensor) -> Tensor:
        """Outputs: (n, d) -> (n, K)."""
        outputs: Tensor = self.network(features)
        return outputs

    def outputs_of(self, features: Tensor) -> Tensor:
        return self._outputs(features)

    def _outputs(self, features: Tensor, columns: Columns | None = None) -> Tensor:
        """`forward`, by which equal rows get equal numbers: (n, d), or as they are stored, -> (n, K)."""
        self.network.check(features if columns is None else columns.expanded(features[:0]))
        columns = columns or Columns(features.shape[1])
        layers = [partial(whole_linear, weight=layer.weight, bias=layer.bias) for layer in self.network.layers]

        def outputs(x: Tensor) -> Tensor:
            *_, last = self.network.passes(columns.expanded(x), layers)
            return last.after

        return in_blocks(outputs, features, NETWORK_ROWS)

    def loss_share(self, batch: Batch) -> LossShare:
        rows = self._rows(batch)
        total = self.minimised_loss.total(self(rows.written_out), self.loss.check(rows.targets))
        if self.l2 == 0:
            return LossShare(total, len(rows.features))
        squares = sum(layer.weight.square().sum() for layer in self.network.layers)
        return LossShare(total, len(rows.features), self.l2 / 2 * squares)

    def _rows(self, batch: Batch) -> StoredRows:
        """Those of a batch without weights."""
        refuse_weights(self, batch)
        return stored_rows(batch)

    def objective(self, batch: Batch) -> NetworkObjective:
        refuse_other_parameters(self.network.layers)
        features, targets, _, columns = self._rows(batch)
        loss = self.minimised_loss
        return owned(NetworkObjective(self.network, loss, features, targets, self.l2, self.reduction, columns), self)

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        rows = stored_rows(batch)
        return self.measured(self._outputs(rows.features, rows.columns), rows.targets)
