"""What every model shares: the one training step, what is measured, what is refused."""

from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.objective_module import Batch, ObjectiveModule, OptimizerCallable
from lightning_modules.training.regression_metrics import regression_metrics
from lightning_modules.training.two_views import Rows, as_rows
from lightning_modules.training.weighted_rows import refuse_weights

__all__ = [
    "Batch",
    "ObjectiveModule",
    "OptimizerCallable",
    "Rows",
    "as_rows",
    "classification_metrics",
    "refuse_weights",
    "regression_metrics",
]
