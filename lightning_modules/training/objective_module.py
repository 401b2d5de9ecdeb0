"""The project's only training step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, cast

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import Parameter
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MetricCollection

from lightning_modules.objectives import Objective, Point, Reduction, all_processes, flattened, is_asynchronous, this_process
from lightning_modules.optimizers import Convergence, CurvatureOptimizer, diagnose
from lightning_modules.optimizers.curvature_optimizer import known_to
from lightning_modules.optimizers.ending import concluded
from lightning_modules.optimizers.non_finite_loss import refuse_non_finite
from lightning_modules.training.cosine_schedule import cosine_schedule
from lightning_modules.training.joined_rows import joined_rows
from lightning_modules.training.kept_objective import KeptObjective
from lightning_modules.training.low_precision import refuse_low_precision
from lightning_modules.training.measurement import Measurement
from lightning_modules.training.own_rows import refuse_own_rows
from lightning_modules.training.run_ending import is_towards_optimum, run_ending, said_by_method

OptimizerCallable = Callable[[Iterable[Parameter]], torch.optim.Optimizer]
Batch = tuple[Tensor, ...]
PLAIN = (bool, int, float, str, list, tuple, dict, type(None))


class ObjectiveModule(LightningModule, ABC):
    """A model that trains itself by manual optimization on an `Objective`.

    Subclasses say what the loss is (`objective`) and how it is measured (`evaluate`, `metrics`). Every method runs
    through the one `training_step`: the curvature methods get the objective, a `torch.optim` optimiser gets the closure.
    Under several processes the objective sums over them, so every process sees the gradient of all rows and makes the
    same decision; the hooks of DistributedDataParallel are not involved.

    Args:
        optimizer: makes the optimizer from the parameters, e.g. `Newton` or `functools.partial(torch.optim.Adam, lr=1e-3)`.
            It has no default on purpose: the command line would carry the default's settings over to another method.

    Attributes:
        task: what the model is for, if one thing only; a data module that would guess is told so.
        schedule: "constant" leaves the optimizer's step size; "cosine" lets it fall to 0 over the run (`cosine_schedule.py`).
    """

    task: ClassVar[Literal["classification", "regression"] | None] = None
    schedule: Literal["constant", "cosine"] = "constant"

    def __init__(self, optimizer: OptimizerCallable) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.make_optimizer = optimizer
        # Checkpoints load without running code, so only plain values are kept. The command line hands over the optimizer as
        # plain configuration; from Python it is a function, and loading a checkpoint takes it anew.
        self.save_hyperparameters(logger=False)
        for name in [name for name, value in self.hparams.items() if not isinstance(value, PLAIN)]:
            del self.hparams[name]
        self._measured: dict[str, Measurement] = {}
        self._kept = KeptObjective()

    @abstractmethod
    def objective(self, batch: Batch) -> Objective:
        """The loss over a batch as a function of the flat parameters.

        A batch is (features, targets), or (original, view 1, view 2, labels) where training sees two views.
        """

    @abstractmethod
    def predict(self, features: Tensor) -> Tensor:
        """`preds` of rows (n, d) whose targets are not known: probabilities, or real values."""

    def check_data(self, rows: Batch) -> None:
        """Refuse by a ValueError rows (features, targets) that do not suit the model, before anything is computed."""
        self.objective(rows)

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Fresh metrics, updated with the keywords that `evaluate` returns; among them `loss`, the mean without penalty."""

    @abstractmethod
    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        """What the metrics need of a batch.

        Returns:
            `preds`: predictions or probabilities; `target`: what they should be; `value`: the loss of each row (n,).
        """

    @property
    def reduction(self) -> Reduction:
        """How this module's objectives sum over processes."""
        return all_processes if self._trainer is not None and self.trainer.world_size > 1 else this_process

    def configure_optimizers(self) -> OptimizerLRScheduler:
        if self._trainer is not None:
            self.check_precision(self.trainer.precision)
        optimizer = self.make_optimizer(self.parameters())
        if self.schedule == "constant":
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": cosine_schedule(optimizer, self.trainer.estimated_stepping_batches)}

    def check_precision(self, precision: str | int | None) -> None:
        """Refuse what no curvature survives.

        Raises:
            ValueError: fewer than 32 bits, or mixed precision, for a method of this project.
        """
        refuse_low_precision(self.make_optimizer(self.parameters()), precision)

    def on_fit_start(self) -> None:
        """Forget the objective of the last fit: what the loss is made of may have been changed since."""
        self._kept.forget()

    def __setattr__(self, name: str, value: Any) -> None:
        """A setting that is changed, in the midst of a fit too, changes the loss: the kept objective is that of before."""
        super().__setattr__(name, value)
        if not name.startswith("_") and "_kept" in vars(self):
            self._kept.forget()

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or a model that is saved whole, is without its training rows and what is known of them."""
        return {**super().__getstate__(), "_kept": KeptObjective()}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step of the method on one batch; stops the run when the method is done with the whole training set."""
        optimizer = cast(LightningOptimizer, self.optimizers())
        # Mini-batches do not come again, and to find that out would cost several processes a message.
        whole = self.trainer.num_training_batches == 1
        objective = self._kept.of(batch, self.objective, self.reduction) if whole else self.objective(batch).as_sample()
        refuse_own_rows(objective, self.reduction)
        parameters = list(self.parameters())
        has_trials = isinstance(optimizer.optimizer, CurvatureOptimizer)
        point: Point | None = None  # held until the end of the step, so that the method finds it

        @torch.no_grad()
        def closure() -> Tensor:
            nonlocal point
            theta = flattened(parameters)
            # An accepted trial is this step's point. To recognise it is to wait for the device, in vain where there is none.
            point = objective.at(theta) if has_trials or not is_asynchronous(theta) else objective.point(theta)
            gradient = point.gradient.clone()  # whoever changes a `.grad` in place does not change the point's
            # Where to look is to wait: what is not finite stays so, and is seen at the next step that logs.
            if not is_asynchronous(gradient) or self._is_looked_at(self.global_step + 1):
                refuse_non_finite(point.value, gradient, self.global_step)
            for parameter, part in zip(parameters, gradient.split([p.numel() for p in parameters]), strict=True):
                parameter.grad = part.view_as(parameter)
            return point.value

        if isinstance(optimizer.optimizer, CurvatureOptimizer):
            value = optimizer.step(closure=closure, objective=objective)
            if optimizer.optimizer.status is not None and whole:
                self.trainer.should_stop = True
        else:
            value = optimizer.step(closure=closure)
        if self.schedule != "constant":
            cast(LRScheduler, self.lr_schedulers()).step()  # Lightning leaves that to manual optimization
        self._log_objective(value)
        return value

    def _log_objective(self, value: Tensor) -> None:
        """To the loggers at once: Lightning would write it after the checkpoint of this step, and a kill between lose it."""
        if self.trainer.is_last_batch:
            # For who monitors it, at the end of the epoch. Not by `self.log`, which takes longer than a small step.
            self.trainer.callback_metrics["train/objective"] = value.clone()
        if self._logs(self.global_step):
            for logger in self.loggers:
                logger.log_metrics({"train/objective": float(value), "epoch": float(self.current_epoch)}, self.global_step - 1)

    def _logs(self, steps: int) -> bool:
        """Whether something is logged after so many steps."""
        interval: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return steps % max(1, interval) == 0

    def _is_looked_at(self, steps: int) -> bool:
        """Whether somebody reads what the device computes, after so many steps."""
        return self._logs(steps) or self.trainer.is_last_batch or steps == self.trainer.max_steps

    def convergence(self) -> Convergence:
        """The verdict on the current weights as a minimiser over the whole training set of the running trainer.

        Where nothing is proved of them it says who ended the fit and why. Every process must call it; errors are those of
        `training_objective`.
        """
        known = {**known_to(self.trainer.optimizers[0]), "stalled": said_by_method(self.trainer) == "stalled"}
        verdict = diagnose(self.training_objective(), flattened(self.parameters()), **known)
        return concluded(verdict, run_ending(self.trainer), is_towards_optimum(self.trainer))

    def training_objective(self) -> Objective:
        """The loss over the whole training set of the running trainer; every process must call it.

        Raises:
            RuntimeError: the trainer has been used for something else since, and has no training set any more.
        """
        batches = [self.trainer.strategy.batch_to_device(batch) for batch in self.trainer.train_dataloader or ()]
        if not batches:
            raise RuntimeError("the trainer holds no training rows: ask after trainer.fit, before trainer.test")
        if len(batches) > 1:
            return self.objective(tuple(torch.cat(parts) for parts in zip(*batches, strict=True)))
        # A full batch is not copied: it may be memory-mapped and larger than memory. Nor is it factorised again.
        return self._kept.of(batches[0], self.objective, self.reduction)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model_class"] = type(self).__name__

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the checkpoint's precision, unless a trainer of another one asks: Lightning would round float64 weights.

        It loads them into the model as it was constructed, in float32, and converts it to float64 only then.
        """
        if self._trainer is None or self.trainer.precision == "64-true":
            self.to(next(iter(checkpoint["state_dict"].values())).dtype)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        return self._measure("test", batch)

    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        return self.predict(batch if isinstance(batch, Tensor) else batch[0])

    def measurement(self) -> Measurement:
        """Nothing measured yet: `add` batches of rows, and read the `values` over all of them and all processes."""
        return Measurement(self.metrics().to(self.device), self.evaluate)

    def joined_rows(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """The rows that the processes hold, one after the other; each process gives its own, or none."""
        return joined_rows(rows)

    def _measure(self, split: str, batch: Batch) -> dict[str, Tensor]:
        if split not in self._measured:
            self._measured[split] = self.measurement()
        return self._measured[split].add(batch)

    def on_validation_epoch_end(self) -> None:
        self._log_measured("val")

    def on_test_epoch_end(self) -> None:
        self._log_measured("test")

    def _log_measured(self, split: str) -> None:
        values = {f"{split}/{name}": value for name, value in self._measured.pop(split).values().items()}
        # They are of the rows of all processes already; the maximum of equal numbers is that number.
        self.log_dict(values, sync_dist=True, reduce_fx="max")
