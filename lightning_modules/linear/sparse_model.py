"""What a linear model does with a penalty on absolute values: checks it, chooses it, and fits under it."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import LightningDataModule, Trainer
from torch import Tensor

from lightning_modules.lasso import CrossValidated, L1Objective
from lightning_modules.linear.l1_choice import Progress, curve_of
from lightning_modules.linear.l1_options import L1Options, check_l1, weights_by_feature
from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers.kinks import refuse_kinks
from lightning_modules.training.objective_module import Batch, ObjectiveModule, OptimizerCallable
from lightning_modules.training.verdict_on_fit import whole_training_set
from lightning_modules.training.whole_batch import is_whole


class SparseModel(ObjectiveModule):
    """A linear model of which some coefficients may be exactly 0.

    Args:
        optimizer: makes the optimizer from the parameters.
        penalty: on absolute values.

    Attributes:
        chosen_l1: the strength that cross-validation chose, where that was asked for and has been done.
    """

    linear: torch.nn.Linear
    l2: float

    def __init__(self, optimizer: OptimizerCallable, penalty: L1Options) -> None:
        super().__init__(optimizer)
        check_l1(type(self).__name__, penalty)
        self.l1, self.penalty_weights, self.folds = penalty.l1, penalty.penalty_weights, penalty.folds
        self.chosen_l1: float | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether the loss has kinks, or penalties that differ from feature to feature."""
        return self.l1 != 0 or (self.penalty_weights is not None and self.l2 > 0)

    @property
    def zeros(self) -> int:
        """How many weights are exactly 0."""
        return int((self.linear.weight == 0).sum())

    def weights_of_features(self) -> list[float] | None:
        """v (d,), by the names that the data of a running trainer give them; None = 1 for each."""
        data = None if self._trainer is None else getattr(self.trainer, "datamodule", None)
        return weights_by_feature(self.penalty_weights, getattr(data, "feature_names", None), self.linear.in_features)

    def choose_l1(self, progress: Progress | None = None) -> CrossValidated | None:
        """Choose l1 on the training rows of a trainer that has begun a fit, where that is asked for and not done yet.

        The fit does so itself; it may be called before by who wants to see the curve. Every process must call it.

        Args:
            progress: is told how many penalties are done, and of how many.

        Returns:
            What the choice was made by.
        """
        if not isinstance(self.l1, str) or self.chosen_l1 is not None:
            return None
        self._refuse_batches()
        rows = whole_training_set(self.trainer, self.device)
        groups = self._rows_together()
        curve = curve_of(self.smooth_objective(rows), self.folds, self.weights_of_features(), progress, groups)
        self.chosen_l1 = curve.path[curve.best if self.l1 == "cv" else curve.one_standard_error].l1
        return curve

    def _rows_together(self) -> Tensor | None:
        """The group of each row that this process was given (n,), where the data have groups or clusters."""
        asked = getattr(getattr(self.trainer, "datamodule", None), "training_groups", None)
        groups: Tensor | None = None if asked is None else asked(self.trainer.global_rank, self.trainer.world_size)
        if groups is not None and self.trainer.overfit_batches > 0:  # type: ignore[attr-defined]
            raise ValueError("groups are of all training rows, and overfit_batches fits some of them: give l1 as a number")
        return groups

    @abstractmethod
    def smooth_objective(self, batch: Batch) -> GLMObjective:
        """The loss without a penalty on absolute values."""

    def check_data(self, rows: Batch) -> None:
        """As its base class's; weights by name are looked at when a trainer has the data that have these names."""
        self.smooth_objective(rows)
        if not isinstance(self.penalty_weights, Mapping):
            self.weights_of_features()

    def under_l1(self, smooth: GLMObjective) -> GLMObjective:
        """The loss with the penalty beside it."""
        l1 = self.chosen_l1 if isinstance(self.l1, str) else self.l1
        # Before it is chosen, rows are looked at, and there are no steps.
        return smooth if not self.is_sparse or l1 is None else L1Objective(smooth, l1, self.weights_of_features())

    def check_trainer(self, trainer: Trainer, data: LightningDataModule | None = None) -> None:
        """As its base class's, and refuse what can do nothing with l1.

        Raises:
            ValueError: names what cannot be, why, and what can.
        """
        super().check_trainer(trainer, data)
        if self.is_sparse:
            refuse_kinks(self.method())
            if not all(parameter.requires_grad for parameter in self.parameters()):
                raise ValueError("l1 on some coefficients while others are frozen: leave none frozen, or give l2 alone")

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage == "fit":
            self.chosen_l1 = None  # that of other rows; a run that is resumed brings its own

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.is_sparse:
            self._refuse_batches()
            self.choose_l1()

    def _refuse_batches(self) -> None:
        if not is_whole(self.trainer):
            raise ValueError(
                f"{type(self).__name__}(l1={self.l1}) on mini-batches: which coefficients are 0 is told by all rows: leave "
                "batch_size out"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self.chosen_l1 is not None:
            checkpoint["chosen_l1"] = self.chosen_l1

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.chosen_l1 = checkpoint.get("chosen_l1")
