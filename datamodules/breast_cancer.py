"""Wisconsin breast cancer."""

import numpy as np
from sklearn.datasets import load_breast_cancer

from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule


class BreastCancerDataModule(TableDataModule):
    """569 tumours, 30 measurements of their cell nuclei, malignant (0) or benign (1). Bundled with scikit-learn.

    The classes are linearly separable: without a penalty a logistic regression has no finite optimum.
    """

    def load(self) -> Table:
        data = load_breast_cancer()
        return Table(
            data.data,
            data.target.astype(np.int64),
            tuple(map(str, data.feature_names)),
            tuple(map(str, data.target_names)),
        )
