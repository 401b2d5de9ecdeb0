"""Anybody's module of torch."""

from collections.abc import Hashable, Sequence
from functools import partial
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lightning_modules.counting import counted
from lightning_modules.objectives import GraphObjective, ModuleObjective, Objective, SplitLoss, UntraceableError
from lightning_modules.objectives.differentiation import saying_what_is_wrong
from lightning_modules.objectives.families import PointwiseLoss
from lightning_modules.objectives.graphs import Graph
from lightning_modules.objectives.layers_without_curvature import refuse_hooked_gradients, refuse_noise
from lightning_modules.objectives.own_parameters import owned
from lightning_modules.training.equal_rows import NETWORK_ROWS, in_blocks
from lightning_modules.training.followed_module import (
    as_taken,
    followed,
    forward_failed,
    give_sizes,
    refuse_non_finite_weights,
)
from lightning_modules.training.given_module import last_outputs, outputs_for, refuse_other_than_modules
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.module_form import form_of
from lightning_modules.training.network_module import LossName, NetworkModule
from lightning_modules.training.notes import log_info
from lightning_modules.training.objective_module import Batch, OptimizerCallable
from lightning_modules.training.row_by_row import MOST_ROWS, refuse_other_than_rows
from lightning_modules.training.two_views import as_rows
from lightning_modules.training.weighted_rows import refuse_weights

# Of how many forms of a module, in training and in evaluation for example, the layers are kept.
MOST_FORMS = 4


class TorchModel(NetworkModule):
    """A module f of torch, fitted to minimise  1/n Σ_i l(f(x_i), y_i) + l2/2 Σ ‖W‖².

    Where `forward` calls layers of known kinds, gradient and curvature are computed by their own sweeps (`GraphObjective`);
    otherwise torch differentiates it, more slowly, and the log says which layer is the reason. The module itself is not
    changed. Dropout and batch normalisation must be in evaluation mode (`module.eval()`) under the curvature methods.

    Args:
        module: rows (n, …) -> outputs (n, K), each row by itself.
        loss: cross_entropy, mse (summed over the outputs of a row), l1 (likewise), or pseudo_huber; see `MLP`.
        l2: strength of the penalty on parameters with two or more dimensions, ≥ 0, relative to the mean loss.
        schedule: "constant" leaves the step size; "cosine" lets it fall to 0 over the run, as gradient descent and methods
            of torch.optim need it on mini-batches; DiagonalNewton and KroneckerNewton do not.
        input_shape: of one row as the module takes it, such as [1, 28, 28], where the data have it flat; null = as it comes.
        num_outputs: K; null = that of the module's last dense layer, or of what it makes of rows of `input_shape`.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton or one of torch.optim.

    Raises:
        ValueError: an unknown name, a negative penalty, one class, a module whose number of outputs has to be said.
    """

    takes_every_row = True

    def __init__(
        self,
        module: nn.Module,
        loss: LossName = "cross_entropy",
        l2: float = 0.0,
        schedule: Literal["constant", "cosine"] = "constant",
        input_shape: Sequence[int] | None = None,
        num_outputs: int | None = None,
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        super().__init__(loss, l2, schedule, optimizer)
        refuse_other_than_modules(module, type(self).__name__)
        self.module, self.input_shape = module, None if input_shape is None else tuple(input_shape)
        found, self._is_guessed = num_outputs, num_outputs is None
        if found is None:
            found = outputs_for(module, self.input_shape) or last_outputs(module)
        if found is None:
            raise ValueError(
                f"{type(self).__name__}(module={type(module).__name__}): its number of outputs does not follow from its "
                "layers: give num_outputs, the number of classes or targets"
            )
        self.set_loss(loss, found, f"num_outputs={found}")
        self._graphs: dict[Hashable, Graph | str] = {}
        self._looked_at: Tensor | None = None  # the first rows of a fit
        self._said: str | None = None  # why torch differentiates

    def forward(self, features: Tensor) -> Tensor:
        """Outputs: (n, …) -> (n, K)."""
        return self.outputs_by(self.module, self._shaped(features), features.shape[0])

    def outputs_of(self, features: Tensor) -> Tensor:
        return in_blocks(self, features, NETWORK_ROWS)

    def objective(self, batch: Batch) -> Objective:
        refuse_weights(self, batch)
        rows, loss = as_rows(batch), self.minimised_loss
        features = self._shaped(rows.features)
        give_sizes(self.module, features)
        graph = self.graph(features)
        if isinstance(graph, Graph):
            return owned(GraphObjective(graph, loss, features, rows.targets, self.l2, self.reduction), self.module)
        given = (features, loss.check(rows.targets))
        split = SplitLoss(self._outputs, partial(_summed, loss), partial(_slope, loss), loss.infimum, is_convex=True)
        objective = ModuleObjective(self.module, split, given, len(features), self.reduction, self.l2, True, graph)
        return owned(objective, self.module)

    def loss_share(self, batch: Batch) -> LossShare:
        refuse_weights(self, batch)
        rows = as_rows(batch)
        total = self.minimised_loss.total(self(rows.features), self.loss.check(rows.targets))
        if self.l2 == 0:
            return LossShare(total, len(rows.features))
        squares = sum(weight.square().sum() for weight in self.module.parameters() if weight.ndim > 1)
        return LossShare(total, len(rows.features), self.l2 / 2 * squares)

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        rows = as_rows(batch)
        return self.measured(self.outputs_of(rows.features), rows.targets)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """As of any module, for a method of torch.optim; what torch says of somebody's `forward` is said in a line."""
        if not loss.requires_grad:
            raise ValueError(
                f"what {type(self.module).__name__} returns does not depend on any of its parameters: use them in its forward"
            )
        with saying_what_is_wrong():
            super().backward(loss, *args, **kwargs)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self._graphs.clear()  # what is not seen of a module's form may have changed since the last fit
        self._looked_at = None

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Look before the first step at the weights, and for a curvature method at what it counts on."""
        super().on_train_batch_start(batch, batch_idx)
        rows = as_rows(batch).features
        if self._looked_at is not None or len(rows) == 0:
            return
        self._looked_at = rows[:MOST_ROWS].clone()
        give_sizes(self.module, self._shaped(rows))
        refuse_non_finite_weights(self.module)
        if not self.automatic_optimization:
            refuse_hooked_gradients(self.module)
            self.check_function()

    def check_function(self) -> None:
        refuse_noise(self.module)
        if self._looked_at is not None:
            rows = self._looked_at.to(self.device)
            refuse_other_than_rows(self, rows, type(self.module).__name__, list(self.module.buffers()))

    def graph(self, features: Tensor) -> Graph | str:
        """The layers of the module in its present form, traced once; where they are not all known, why, and the log says it.

        Args:
            features: rows as the module takes them, on a few of which the layers have to give what its `forward` gives.
        """
        form, shape = form_of(self.module), tuple(features.shape[1:])
        for known in ((form, None), (form, shape)):  # of one shape only where sizes are asked for
            if known in self._graphs:
                return self._graphs[known]
        while len(self._graphs) >= MOST_FORMS:
            del self._graphs[next(iter(self._graphs))]
        try:
            graph = followed(self.module, features[:MOST_ROWS])
        except UntraceableError as error:
            if str(error) != self._said:
                log_info(f"the curvature of {type(self.module).__name__} is by automatic differentiation: {error}")
            self._graphs[form, shape] = self._said = str(error)
            return self._said
        self._graphs[form, graph.row_shape] = graph
        return graph

    @property
    def form(self) -> Hashable:
        return form_of(self.module)

    def outputs_by(self, module: nn.Module, features: Tensor, rows: int) -> Tensor:
        """What a module, this one's at any parameters, makes of features as it takes them: (rows, K).

        Raises:
            ValueError: its `forward` fails, or returns something else.
        """
        try:
            outputs = module(features)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise ValueError(forward_failed(type(self.module).__name__, features, error)) from error
        return self.checked(outputs, rows)

    def checked(self, outputs: Any, rows: int) -> Tensor:
        """What the module returned, if that is a tensor (rows, K) of real numbers.

        Raises:
            ValueError: something else.
        """
        is_tensor = isinstance(outputs, Tensor)
        if is_tensor and outputs.shape == (rows, self.loss.num_outputs) and outputs.is_floating_point():
            return outputs
        found = f"a tensor of shape {tuple(outputs.shape)}" if is_tensor else f"a {type(outputs).__name__}"
        remedy = "let it return one row of outputs for each row of features"
        if is_tensor and outputs.ndim == 2 and len(outputs) == rows and self._is_guessed:
            given, made = self.loss.num_outputs, outputs.shape[1]
            remedy = f"the last of its dense layers has {given}; if it is to return {made}, give num_outputs={made}"
        if is_tensor and not outputs.is_floating_point():
            found += f" of {str(outputs.dtype).removeprefix('torch.')}, which are no real numbers"
        raise ValueError(
            f"the forward of {type(self.module).__name__} returned {found} for {counted(rows)}, not one tensor of shape "
            f"({rows}, {self.loss.num_outputs}): {remedy}"
        )

    def _outputs(self, module: nn.Module, batch: Any) -> Tensor:
        """f (n, K) of a module, this one's at other parameters, for a batch (features, targets)."""
        return self.outputs_by(module, as_taken(module, batch[0]), len(batch[0]))

    def _shaped(self, features: Tensor) -> Tensor:
        if self.input_shape is None:
            return features
        numbers = prod(features.shape[1:])
        if prod(self.input_shape) != numbers:
            raise ValueError(
                f"input_shape={list(self.input_shape)} takes {counted(prod(self.input_shape), 'number')} of a row, and the "
                f"data have {numbers}: give a shape of as many"
            )
        return features.reshape(-1, *self.input_shape)

    def __getstate__(self) -> dict[str, Any]:
        """A copy traces its own module."""
        return {**super().__getstate__(), "_graphs": {}}


def _summed(loss: PointwiseLoss, outputs: Tensor, batch: Any) -> Tensor:
    return loss.loss(outputs, batch[1]).sum()


def _slope(loss: PointwiseLoss, outputs: Tensor, batch: Any, generator: torch.Generator) -> Tensor:
    signs = torch.randint(2, (1, *outputs.shape), generator=generator, device=outputs.device).to(outputs).mul_(2).sub_(1)
    return loss.random_slope(outputs, batch[1], signs)[0]
