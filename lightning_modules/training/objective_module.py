"""The project's only training step."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, cast

import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.nn import Parameter
from torch.optim.lr_scheduler import LRScheduler

from lightning_modules.devices import is_asynchronous
from lightning_modules.objectives import Objective, Point, Reduction, all_processes, flattened, this_process
from lightning_modules.objectives.own_parameters import as_function_of
from lightning_modules.optimizers import Convergence, CurvatureOptimizer
from lightning_modules.optimizers.closure import set_gradient
from lightning_modules.optimizers.non_finite_loss import refuse_non_finite
from lightning_modules.training.batch_counts import of_batch, takes_every_row
from lightning_modules.training.coded_rows import written_out
from lightning_modules.training.estimated_curvature import tell_of_draws
from lightning_modules.training.kept_objective import KeptObjective
from lightning_modules.training.loss_share import LossShare, by_objective, is_in_chunks, says_its_share
from lightning_modules.training.made_optimizer import OptimizerCallable
from lightning_modules.training.measured_module import Batch
from lightning_modules.training.naming_rows import naming_rows
from lightning_modules.training.own_rows import refuse_own_rows
from lightning_modules.training.plain_settings import PlainSettings
from lightning_modules.training.trained_parameters import held_parameters, names_of
from lightning_modules.training.verdict_on_fit import verdict_on, whole_training_set
from lightning_modules.training.watched_steps import WatchedSteps
from lightning_modules.training.weighted_rows import refuse_weights
from lightning_modules.training.whole_batch import is_whole

__all__ = ["Batch", "ObjectiveModule", "OptimizerCallable"]


class ObjectiveModule(PlainSettings, WatchedSteps):
    """A model that trains by minimising an `Objective`.

    Subclasses say what the loss is (`objective`) and how it is measured (`evaluate`, `metrics`). Every method runs through
    the one `training_step`. A curvature method gets the objective and takes its step here, by manual optimization: the
    objective sums over processes, so every one of them sees the derivatives over all rows and makes the same decision. A
    method of `torch.optim` is in Lightning's hands, as in any LightningModule: clipping, accumulation, mixed precision and
    schedulers are what they are there, and the gradient is torch's own of `loss_share`.

    θ is the parameters that require a gradient when the fit starts, for every method; the others are constants of the loss.

    Args:
        optimizer: makes the optimizer from the parameters, e.g. `Newton` or `functools.partial(torch.optim.Adam, lr=1e-3)`.
            It has no default on purpose: the command line would carry the default's settings over to another method.

    Attributes:
        task: what the model is for, if one thing only; a data module that would guess is told so.
        reads_in_chunks: whether `objective` takes features that are not where the targets are, or in another floating type:
            rows that are too many for a device stay on the host then, and each chunk is moved when it is read.
        takes_every_row: whether `objective` and `loss_share` take all rows of a batch, so that several processes know from its
            loader how many they are. Of a subclass with an `objective` or `loss_share` of its own, which may leave some out,
            they ask each other, unless it says so too.
        takes_weights: whether `objective` and `loss_share` take the weights of rows; a batch with weights is refused
            otherwise, and so it is of a subclass with a loss of its own that does not say so too.
    """

    task: ClassVar[Literal["classification", "regression"] | None] = None
    reads_in_chunks: ClassVar[bool] = False
    takes_every_row: ClassVar[bool] = False
    takes_weights: ClassVar[bool] = False

    def __init__(self, optimizer: OptimizerCallable) -> None:
        super().__init__(optimizer)
        self.save_hyperparameters(logger=False)
        self._kept, self._has_told = KeptObjective(), False
        self._sample: tuple[Batch, Objective] | None = None
        self._held_names: list[str] = []  # what trains in the last fit
        self._reduction_of_batch: Reduction | None = None

    @abstractmethod
    def objective(self, batch: Batch) -> Objective:
        """The loss over a batch as a function of the flat parameters.

        A batch is (features, targets), (features, targets, weights) where rows count more or less than once, or (original,
        view 1, view 2, labels) where training sees two views.
        """

    def check_data(self, rows: Batch) -> None:
        """Refuse by a ValueError rows of a batch that do not suit the model, before anything is computed."""
        refuse_weights(self, rows)
        self.objective(rows if self.takes_codes else written_out(rows))

    def loss_share(self, batch: Batch) -> LossShare:
        """The loss over this process's rows of a batch at the present parameters, as autograd can differentiate it.

        It is what a method of `torch.optim` descends, in one forward and one backward pass of torch. A class that says its
        loss by `objective` alone has its gradient from there.
        """
        raise NotImplementedError

    @property
    def reduction(self) -> Reduction:
        """How this module's objectives sum over processes; in a step, with what its loader knows of the batch."""
        return self._reduction_of_batch or self._reduction

    @property
    def _reduction(self) -> Reduction:
        return all_processes if self._trainer is not None and self.trainer.world_size > 1 else this_process

    def on_fit_start(self) -> None:
        """Forget the objective of the last fit: what the loss is made of may have been changed since."""
        super().on_fit_start()
        self._kept.forget()
        self._has_told = False
        self._held_names = names_of(held_parameters(self.trainer.optimizers[0]), self)
        self.trainer.optimizers[0].register_step_post_hook(lambda *_: self._end_step())

    def on_train_end(self) -> None:
        super().on_train_end()
        self._held_names = names_of(held_parameters(self.trainer.optimizers[0]), self)  # a callback may have added some

    def teardown(self, stage: str) -> None:
        """Leave a device's memory to others when the trainer is done."""
        super().teardown(stage)
        self._kept.release_device()
        for optimizer in self.trainer.optimizers:
            report = getattr(optimizer, "report", None)
            if report is not None and is_asynchronous(report.gradient_max):
                optimizer.report = None  # type: ignore[attr-defined]  # it holds the point, and that the rows

    def _end_step(self) -> None:
        self._sample = self._batch = None
        self._log.write(self)

    def __setattr__(self, name: str, value: Any) -> None:
        """A setting that is changed, in the midst of a fit too, changes the loss: the kept objective is that of before.

        Not by a look at other rows, which changes the mode, `training`, and back: an objective is kept in the mode it is of.
        Nor by Lightning, which under several processes puts its own `forward` in place of the model's at every step, and back.
        """
        super().__setattr__(name, value)
        if name[0] != "_" and name not in ("training", "forward") and "_kept" in vars(self):
            self._kept.forget()

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or a model that is saved whole, is without its training rows and what is known of them."""
        return {**super().__getstate__(), "_kept": KeptObjective(), "_sample": None}

    # -- the step ------------------------------------------------------------------------------------------------------

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss on a batch, for Lightning to descend; of a curvature method its step, taken."""
        refuse_weights(self, batch)
        if not self.automatic_optimization:
            with naming_rows(batch):
                return self._curvature_step(batch, batch_idx)
        self._batch = batch
        with self._rows_known(batch_idx):
            loss = self._loss(batch)
        self._log.saw(batch_idx, loss, self.trainer.accumulate_grad_batches)
        return loss

    @contextmanager
    def _rows_known(self, batch_idx: int) -> Iterator[None]:
        """While its loss is made, how many rows a batch has over all processes is known; nothing is of what others ask for."""
        if takes_every_row(self):
            self._reduction_of_batch = of_batch(self._reduction, self.trainer, batch_idx)
        try:
            yield
        finally:
            self._reduction_of_batch = None

    def _loss(self, batch: Batch) -> Tensor:
        """The loss of this process on a batch, to be differentiated by torch: at once, or in chunks where it is large."""
        parameters = held_parameters(self.trainer.optimizers[0])
        if says_its_share(self) and not is_in_chunks(batch[0], parameters, self.reduction):
            return self.loss_share(batch).loss(self.reduction)
        objective = self._objective_of(batch, parameters)
        refuse_own_rows(objective, self.reduction)
        # Several processes wait for the gradient of every parameter, also of one that the loss does not use.
        if self.reduction.num_processes == 1 and (own := objective.own_total()) is not None:
            return LossShare(*own).loss(self.reduction)
        return by_objective(objective, parameters)

    def _curvature_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step of a curvature method; stops the run when the method is done with the whole training set."""
        optimizer = cast(LightningOptimizer, self.optimizers())
        method, is_whole_set = cast(CurvatureOptimizer, optimizer.optimizer), is_whole(self.trainer)
        parameters = held_parameters(method)
        with self._rows_known(batch_idx):
            objective = self._objective_of(batch, parameters)
        refuse_own_rows(objective, self.reduction)
        point: Point | None = None  # held until the end of the step, so that the method finds it

        @torch.no_grad()
        def closure() -> Tensor:
            nonlocal point
            point = objective.at(flattened(parameters))  # an accepted trial is this step's point
            gradient = point.gradient.clone()  # whoever changes a `.grad` in place does not change the point's
            if is_whole_set or not is_asynchronous(gradient):
                refuse_non_finite(point.value, [gradient], self.global_step, total=point.total)
            else:
                self._refuse_non_finite(point.value, [gradient])
            set_gradient(parameters, gradient)
            self._log.saw(batch_idx, point.value, 1)
            return point.value

        value = optimizer.step(closure=closure, objective=objective)
        self._has_told = self._has_told or tell_of_draws(method)
        if method.status is not None and is_whole_set:
            self.trainer.should_stop = True
        if self.schedule != "constant":
            cast(LRScheduler, self.lr_schedulers()).step()  # Lightning leaves that to manual optimization
        return value

    def _objective_of(self, batch: Batch, parameters: list[Parameter]) -> Objective:
        """The loss over a batch as a function of some parameters; kept where every epoch brings the same one.

        Mini-batches do not come again, and to find that out would cost several processes a message; but a method may look at
        one several times in a step.
        """
        if not is_whole(self.trainer):
            if self._sample is None or self._sample[0] is not batch:
                self._sample = batch, as_function_of(parameters, self.objective(batch).as_sample(), self)
            return self._sample[1]
        trained = set(parameters)
        held = [parameter for parameter in self.parameters() if parameter not in trained]
        make = lambda rows: as_function_of(parameters, self.objective(rows), self)  # noqa: E731
        return self._kept.of(batch, make, self._reduction, held, (self.training, self.form))

    # -- the verdict ---------------------------------------------------------------------------------------------------

    def convergence(self) -> Convergence:
        """The verdict on the current weights as a minimiser over the whole training set of the running trainer.

        Where nothing is proved of them it says who ended the fit and why. Every process must call it; errors are those of
        `verdict_on`.
        """
        return verdict_on(self)

    def training_objective(self) -> Objective:
        """The loss over the whole training set of the running trainer; every process must call it.

        Raises:
            RuntimeError: the trainer has been used for something else since, and has no training set any more.
        """
        rows = whole_training_set(self.trainer, self.device)
        return self._kept.of(rows, self.objective, self._reduction, form=(self.training, self.form))
