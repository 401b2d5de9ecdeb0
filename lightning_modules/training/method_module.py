"""A model and the method it is fitted by: which steps Lightning takes, which are taken here, and what a trainer may ask."""

from collections.abc import Hashable
from typing import Any, Literal

from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch.optim import Optimizer

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.training.cosine_schedule import cosine_schedule
from lightning_modules.training.device_notes import device_notes
from lightning_modules.training.low_precision import refuse_low_precision
from lightning_modules.training.made_optimizer import MuonWithAdamW, OptimizerCallable, made_optimizer
from lightning_modules.training.measured_module import MeasuredModule
from lightning_modules.training.method_modes import SwitchesModes, has_modes
from lightning_modules.training.notes import log_info
from lightning_modules.training.offset_of_data import refuse_offset
from lightning_modules.training.one_default_type import refuse_beside_others
from lightning_modules.training.trained_parameters import trained_parameters
from lightning_modules.training.trainer_callbacks import refuse_callbacks
from lightning_modules.training.trainer_settings import refuse_other_than_one, refuse_schedulers, refuse_settings


class MethodModule(MeasuredModule):
    """Makes the optimizer, of the parameters that train.

    Args:
        optimizer: makes it from the parameters, e.g. `Newton` or `functools.partial(torch.optim.Adam, lr=1e-3)`.

    Attributes:
        schedule: "constant" leaves the optimizer's step size; "cosine" lets it fall to 0 over the run (`cosine_schedule.py`).
    """

    schedule: Literal["constant", "cosine"] = "constant"

    def __init__(self, optimizer: OptimizerCallable) -> None:
        super().__init__()
        self._method_class: type[Optimizer] | None = None
        self._is_automatic: bool | None = None
        self._make_optimizer = optimizer

    @property
    def form(self) -> Hashable:
        """Another one wherever the loss may be another function of the same rows and parameters than before."""
        return None

    def check_function(self) -> None:
        """Refuse by a ValueError a loss that is no function of each row and the parameters, of which nothing can be proved."""

    @property
    def make_optimizer(self) -> OptimizerCallable:
        """Makes the optimizer from parameters."""
        return self._make_optimizer

    @make_optimizer.setter
    def make_optimizer(self, make: OptimizerCallable) -> None:
        self._make_optimizer, self._method_class, self._is_automatic = make, None, None

    def method(self) -> Optimizer:
        """A new optimizer of the parameters that train.

        Raises:
            ValueError: nothing trains, or the method refuses its settings or the parameters.
        """
        return made_optimizer(self.make_optimizer, trained_parameters(self))

    @property
    def method_class(self) -> type[Optimizer]:
        """What kind of optimizer the model was given; of a model that is frozen, and only tested, too."""
        if self._method_class is None:
            self._method_class = type(made_optimizer(self.make_optimizer, list(self.parameters())))
        return self._method_class

    @property
    def automatic_optimization(self) -> bool:
        """Whether Lightning takes the step: of a method of `torch.optim`, with all that it has for these. Curvature methods
        need the objective, so theirs is taken here."""
        if self._is_automatic is None:
            self._is_automatic = not issubclass(self.method_class, CurvatureOptimizer)
        return self._is_automatic

    @automatic_optimization.setter
    def automatic_optimization(self, automatic_optimization: bool) -> None:
        self._is_automatic = automatic_optimization

    def configure_callbacks(self) -> list[Callback]:
        """One for a method that has modes; and it is where Lightning first shows the model its trainer, so that settings are
        refused here."""
        refuse_beside_others(self.trainer)
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.check_trainer(self.trainer, self.trainer.datamodule)  # type: ignore[attr-defined]
            callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
            if has_modes(self.method()) and not any(isinstance(callback, SwitchesModes) for callback in callbacks):
                return [SwitchesModes()]
        return []

    def check_trainer(self, trainer: Trainer, data: LightningDataModule | None = None) -> None:
        """Refuse a trainer whose settings or callbacks cannot do here what they are for, and data with an offset for a model
        that takes none.

        Raises:
            ValueError: names what cannot be, why, and what can.
        """
        method = self.method()
        refuse_settings(trainer, method)
        refuse_callbacks(trainer, self, method, data)
        refuse_offset(self, data)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self.method()
        if isinstance(optimizer, MuonWithAdamW):
            log_info(optimizer.note)
        if self.schedule == "constant":
            return optimizer
        scheduler = cosine_schedule(optimizer, self.trainer.estimated_stepping_batches)
        if not self.automatic_optimization:
            return {"optimizer": optimizer, "lr_scheduler": scheduler}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def check_precision(self, precision: str | int | None) -> None:
        """Refuse what no curvature survives.

        Raises:
            ValueError: fewer than 32 bits, or mixed precision, for a method of this project.
        """
        refuse_low_precision(self.method(), precision)

    def on_fit_start(self) -> None:
        """Look at the optimizer as it was made in the end, perhaps by a `configure_optimizers` of a subclass."""
        refuse_other_than_one(self.trainer, self)
        method = self.trainer.optimizers[0]
        if isinstance(method, CurvatureOptimizer) is self.automatic_optimization:
            raise ValueError(
                f"configure_optimizers of {type(self).__name__} makes {type(method).__name__}, and the model was given "
                f"{self.method_class.__name__} as its optimizer: give it the one that it makes, which decides who takes "
                "the step"
            )
        refuse_settings(self.trainer, method)
        refuse_schedulers(self.trainer, is_ours=self.schedule != "constant")
        for note in device_notes(self.device, next(self.parameters()).dtype, self.trainer.world_size):
            log_info(note)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["method_class"] = self.method_class.__name__

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the same method only; count steps that an earlier version took by hand among those of Lightning's.

        Raises:
            ValueError: a fit is to go on from a checkpoint of another method.
        """
        super().on_load_checkpoint(checkpoint)
        if self._trainer is None or self.trainer.state.fn != TrainerFn.FITTING:
            return
        before, now = checkpoint.get("method_class"), self.method_class.__name__
        if before not in (None, now):
            raise ValueError(
                f"the checkpoint is of a fit by {before}, and this one is by {now}, whose memory is another: resume with "
                f"{before}, or start anew from the weights alone by load_from_checkpoint"
            )
        loops = checkpoint.get("loops", {}).get("fit_loop", {})
        by_hand = loops.get("epoch_loop.manual_optimization.optim_step_progress")
        by_lightning = loops.get("epoch_loop.automatic_optimization.optim_progress")
        if by_hand and by_lightning and self.automatic_optimization and by_hand["total"]["completed"]:
            by_lightning["optimizer"]["step"] = by_hand
