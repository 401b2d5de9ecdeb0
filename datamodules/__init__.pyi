from .array_data_module import ArrayDataModule
from .breast_cancer import BreastCancerDataModule
from .california_housing import CaliforniaHousingDataModule
from .digits import DigitsDataModule
from .iris import IrisDataModule
from .mnist import MNISTDataModule
from .mnist_two_view import MNISTTwoView
from .mnist_two_view_data_module import MNISTTwoViewDataModule
from .tabular import TabularDataModule

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
