"""Negative binomial regression."""

import math
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from lightning_modules.linear.count_dispersion import STAYS, likeliest_dispersion, with_likeliest
from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.l1_options import FOLDS, L1Choice, L1Options
from lightning_modules.objectives import GLMObjective, flattened
from lightning_modules.objectives.families import NegativeBinomial
from lightning_modules.optimizers import Convergence
from lightning_modules.training.objective_module import Batch, OptimizerCallable
from lightning_modules.training.whole_batch import is_whole


class NegativeBinomialRegression(GeneralizedLinearModel):
    """Counts y with variance μ + αμ²: minimises half the mean deviance plus l2/2 ‖w‖²,  z = wᵀx + b = log μ.

    α is given, or estimated with the coefficients by maximum likelihood (`count_dispersion.py`): whenever a method of this
    project on the full batch is done for an α, it goes on with the likeliest one for these coefficients, until α stays.

    The curvature is the observed information, or with `Newton(curvature="ggn")` the expected one, which is Fisher scoring.

    Args:
        num_features: d, the number of features; taken from the data on the command line.
        l2: strength of the penalty on the weights (not the bias), ≥ 0, relative to the mean loss.
        dispersion: α > 0; null = estimated, from 1 on.
        intercept: whether there is a b.
        offset: whether the last column of the features is added to z, the logarithm of an exposure for example; taken from the
            data on the command line.
        l1: strength of the penalty on absolute values, ≥ 0, which takes coefficients to exactly 0; or "cv" to choose it by
            cross-validation, "cv-1se" the largest that is at most a standard error worse. By Newton, on the full batch.
        penalty_weights: what both penalties are multiplied by, a number ≥ 0 for each feature, or for some by name: {age: 0}.
        folds: of the cross-validation.
        optimizer: the method: GradientDescent, Newton, DiagonalNewton, or with a given dispersion one of torch.optim.

    Raises:
        ValueError: α is not positive; in a fit, α is to be estimated by mini-batches or by a method of torch.optim.
    """

    task = "regression"
    takes_weights = reads_codes = True  # so does its own training step
    log_dispersion: Tensor

    def __init__(
        self,
        num_features: int,
        l2: float = 0.0,
        dispersion: float | None = None,
        intercept: bool = True,
        offset: bool = False,
        *,
        optimizer: OptimizerCallable,
        l1: float | L1Choice = 0.0,
        penalty_weights: list[float] | dict[str, float] | None = None,
        folds: int = FOLDS,
    ) -> None:
        family = NegativeBinomial(1.0 if dispersion is None else dispersion, is_estimated=dispersion is None)
        penalty = L1Options(l1, penalty_weights, folds)
        super().__init__(num_features, family, l2, optimizer, intercept, offset, penalty)
        if dispersion is None and isinstance(l1, str):
            raise ValueError(
                f"NegativeBinomialRegression(l1={l1!r}) chooses l1 for one dispersion: give it too, as a fit without l1 says it"
            )
        self.is_estimated = dispersion is None
        self.register_buffer("log_dispersion", torch.tensor(math.log(family.dispersion), dtype=torch.float64))

    @property
    def dispersion(self) -> float:
        """α."""
        return cast(NegativeBinomial, self.family).dispersion

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.is_estimated and (self.automatic_optimization or not is_whole(self.trainer)):
            raise ValueError(
                "NegativeBinomialRegression estimates its dispersion between the fits of a method of this project on the full "
                "batch: use Newton and no batch_size, or give a dispersion"
            )
        self._set_dispersion(float(self.log_dispersion))  # of a checkpoint

    def convergence(self) -> Convergence:
        """As of any model; the coefficients at their optimum for an α that is not the likeliest yet are none of both."""
        verdict = super().convergence()
        if not self.is_estimated or verdict.status != "converged":
            return verdict
        objective = cast(GLMObjective, self.training_objective())
        found = with_likeliest(verdict, objective, flattened(self.parameters()).detach())
        return found if found.status == "converged" else replace(found, message=f"{found.message}; give more epochs")

    def _likeliest(self) -> float:
        """log α with the greatest likelihood at the present coefficients."""
        objective = cast(GLMObjective, self.training_objective())
        return math.log(likeliest_dispersion(objective, flattened(self.parameters()).detach()))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        value = super().training_step(batch, batch_idx)
        if self.is_estimated and self.trainer.should_stop:
            log_dispersion = self._likeliest()
            if abs(log_dispersion - float(self.log_dispersion)) > STAYS:
                self.trainer.should_stop = False
                self._set_dispersion(log_dispersion)
        return value

    def load_state_dict(self, *args: Any, **options: Any) -> Any:
        """As any module's; the family is that of the α which is loaded."""
        found = super().load_state_dict(*args, **options)
        self._set_dispersion(float(self.log_dispersion))
        return found

    def _set_dispersion(self, log_dispersion: float) -> None:
        self.log_dispersion.fill_(log_dispersion)
        self.family = NegativeBinomial(math.exp(log_dispersion), self.is_estimated)
