"""Data sets: split, scaled with training statistics, served by the batch."""

from datamodules.array_data_module import ArrayDataModule
from datamodules.breast_cancer import BreastCancerDataModule
from datamodules.california_housing import CaliforniaHousingDataModule
from datamodules.digits import DigitsDataModule
from datamodules.iris import IrisDataModule
from datamodules.mnist import MNISTDataModule
from datamodules.mnist_two_view import MNISTTwoView
from datamodules.mnist_two_view_data_module import MNISTTwoViewDataModule
from datamodules.tabular import TabularDataModule

__all__ = [
    "ArrayDataModule",
    "BreastCancerDataModule",
    "CaliforniaHousingDataModule",
    "DigitsDataModule",
    "IrisDataModule",
    "MNISTDataModule",
    "MNISTTwoView",
    "MNISTTwoViewDataModule",
    "TabularDataModule",
]
