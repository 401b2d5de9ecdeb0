"""Generalised linear models for people of scikit-learn: estimators, without a trainer."""

from lightning_modules.estimators.newton_classifier import NewtonClassifier
from lightning_modules.estimators.newton_regressor import NewtonRegressor

__all__ = ["NewtonClassifier", "NewtonRegressor"]
