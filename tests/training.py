"""Short fits for tests."""

import inspect
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch.nn.utils import parameters_to_vector

from lightning_modules import LinearRegression, LogisticRegression, ObjectiveModule, SoftmaxRegression, optimizers
from lightning_modules.optimizers import CurvatureOptimizer, DiagonalNewton, GradientDescent, Newton, SubsampledNewton
from lightning_modules.training.objective_module import OptimizerCallable

# Settings that the tests call by name.
SETTINGS: dict[str, OptimizerCallable] = {
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "newton": Newton,
    "newton_fixed": partial(Newton, lr=0.5, damping=1e-3),
    "newton_backtracking": partial(Newton, damping=1e-6, search="backtracking"),
    "newton_cg": partial(Newton, solver="cg"),
    "newton_hessian": partial(Newton, curvature="hessian"),
    "subsampled_newton": SubsampledNewton,
    "diagonal_newton": DiagonalNewton,
    "diagonal_newton_fixed": partial(DiagonalNewton, lr=0.1, damping=1e-3),
    "sgd_nesterov": partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": partial(torch.optim.Adagrad, lr=0.1),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.01),
    "adam": partial(torch.optim.Adam, lr=0.1),
    "lbfgs": partial(torch.optim.LBFGS, max_iter=5),
}


def needs_parameters_only(method: type) -> bool:
    """Whether a method is made from the parameters alone, with defaults for all else."""
    return [p.name for p in inspect.signature(method).parameters.values() if p.default is p.empty] == ["params"]


# Every concrete method of the face.
CURVATURE_METHODS: list[type[CurvatureOptimizer]] = [
    method
    for method in (getattr(optimizers, name) for name in optimizers.__all__)
    if isinstance(method, type) and issubclass(method, CurvatureOptimizer) and not inspect.isabstract(method)
]
# A method that is new in the face is tested with its defaults, without being named here.
METHODS: dict[str, OptimizerCallable] = SETTINGS | {
    method.__name__: method for method in CURVATURE_METHODS if method not in SETTINGS.values() and needs_parameters_only(method)
}
# What takes mini-batches too.
ON_BATCHES = [name for name in METHODS if name != "subsampled_newton"]


def make_model(data: Any, optimizer: OptimizerCallable, l2: float = 0.01) -> ObjectiveModule:
    """The generalised linear model that suits a data module."""
    if not data.num_classes:
        return LinearRegression(data.num_features, data.num_targets, l2, optimizer=optimizer)
    if data.num_classes == 2:
        return LogisticRegression(data.num_features, l2, optimizer=optimizer)
    return SoftmaxRegression(data.num_features, data.num_classes, l2, optimizer=optimizer)


def make_trainer(epochs: int, *callbacks: Callback, **options: Any) -> Trainer:
    """A quiet float64 trainer."""
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "precision": "64-true",
        "max_epochs": epochs,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
        "log_every_n_steps": 1,
    }
    return Trainer(callbacks=list(callbacks), **(defaults | options))


class Iterates(Callback):
    """Keeps θ after every epoch."""

    def __init__(self) -> None:
        self.thetas: list[torch.Tensor] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.thetas.append(parameters_to_vector(pl_module.parameters()).detach().clone())


def fit_iterates(model: LightningModule, data: LightningDataModule, epochs: int, **options: Any) -> torch.Tensor:
    """θ after each epoch, (epochs, p)."""
    iterates = Iterates()
    make_trainer(epochs, iterates, **options).fit(model, data)
    return torch.stack(iterates.thetas)
