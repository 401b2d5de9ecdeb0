"""Data sets: split, scaled with training statistics, served by the batch."""

from datamodules.breast_cancer import BreastCancerDataModule
from datamodules.california_housing import CaliforniaHousingDataModule
from datamodules.iris import IrisDataModule
from datamodules.tabular import TabularDataModule

__all__ = ["BreastCancerDataModule", "CaliforniaHousingDataModule", "IrisDataModule", "TabularDataModule"]
