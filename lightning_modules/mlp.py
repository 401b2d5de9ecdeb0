"""Multilayer perceptron."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import ClassVar, Literal

from torch import Tensor
from torchmetrics import MetricCollection

from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import Columns, NetworkObjective
from lightning_modules.objectives.families import AbsoluteError, Categorical, PointwiseLoss, PseudoHuber, SquaredError
from lightning_modules.optimizers.damped_optimizer import DampedOptimizer
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.equal_rows import NETWORK_ROWS, in_blocks, whole_linear
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.notes import log_info
from lightning_modules.training.objective_module import Batch, ObjectiveModule, OptimizerCallable
from lightning_modules.training.regression_metrics import regression_metrics
from lightning_modules.training.trained_parameters import refuse_other_parameters
from lightning_modules.training.two_views import StoredRows, stored_rows
from lightning_modules.training.weighted_rows import refuse_weights

LOSSES: dict[str, Callable[[int], PointwiseLoss]] = {
    "cross_entropy": Categorical,
    "mse": SquaredError,
    "l1": AbsoluteError,
    "pseudo_huber": PseudoHuber,
}


class MLP(ObjectiveModule):
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
        schedule: "cosine" lets the step size fall to 0 over the run, which mini-batches need; "constant" leaves it.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or any of torch.optim.

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
        loss: Literal["cross_entropy", "mse", "l1", "pseudo_huber"] = "cross_entropy",
        l2: float = 0.0,
        output_activation: str = "identity",
        schedule: Literal["constant", "cosine"] = "constant",
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        super().__init__(optimizer)
        name = type(self).__name__
        if schedule not in ("constant", "cosine"):
            raise ValueError(f"{name}(schedule={schedule!r}): choose 'constant' or 'cosine'")
        self.schedule = schedule
        if loss not in LOSSES:
            raise ValueError(f"{name}(loss={loss!r}): choose among {', '.join(LOSSES)}")
        if not 0 <= l2 < float("inf"):
            raise ValueError(f"{name}(l2={l2}): the penalty must be a number ≥ 0")
        self.network = self.network_class(widths, activation, initialization, output_activation)
        if loss == "cross_entropy" and widths[-1] < 2:
            raise ValueError(
                f"{name}(widths={list(widths)}): cross-entropy needs an output for each class, at least 2; for real targets "
                "use loss='mse', 'l1' or 'pseudo_huber'"
            )
        self.loss, self.l2 = LOSSES[loss](widths[-1]), l2

    def forward(self, features: Tensor) -> Tensor:
        """Outputs: (n, d) -> (n, K)."""
        outputs: Tensor = self.network(features)
        return outputs

    def predict(self, features: Tensor) -> Tensor:
        return self.loss.mean(self._outputs(features.to(self.dtype)))

    def _outputs(self, features: Tensor, columns: Columns | None = None) -> Tensor:
        """`forward`, by which equal rows get equal numbers: (n, d), or as they are stored, -> (n, K)."""
        self.network.check(features if columns is None else columns.expanded(features[:0]))
        columns = columns or Columns(features.shape[1])
        layers = [partial(whole_linear, weight=layer.weight, bias=layer.bias) for layer in self.network.layers]

        def outputs(x: Tensor) -> Tensor:
            *_, last = self.network.passes(columns.expanded(x), layers)
            return last.after

        return in_blocks(outputs, features, NETWORK_ROWS)

    @cached_property
    def minimised_loss(self) -> PointwiseLoss:
        """The loss, or its smoothed form where the method needs a curvature and the loss has none."""
        if isinstance(self.loss, AbsoluteError) and isinstance(self.method(), DampedOptimizer):
            smoothed = self.loss.smoothed()
            log_info(
                f"l1 has no curvature: what is minimised is the pseudo-Huber loss, l1 rounded within {smoothed.delta} of 0"
            )
            return smoothed
        return self.loss

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
        return NetworkObjective(self.network, self.minimised_loss, features, targets, self.l2, self.reduction, columns)

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        rows = stored_rows(batch)
        z, y = self._outputs(rows.features, rows.columns), self.loss.check(rows.targets)
        return {"preds": self.loss.mean(z), "target": y, "value": self.loss.loss(z, y)}

    def metrics(self) -> MetricCollection:
        return classification_metrics(self.loss.num_outputs) if isinstance(self.loss, Categorical) else regression_metrics()
