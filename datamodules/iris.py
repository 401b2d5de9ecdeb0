"""Iris."""

import numpy as np
from sklearn.datasets import load_iris

from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule


class IrisDataModule(TableDataModule):
    """150 flowers, 4 lengths in cm, 3 species. Bundled with scikit-learn.

    Setosa is linearly separable from the others, so without a penalty there is no finite optimum.
    """

    def load(self) -> Table:
        data = load_iris()
        return Table(data.data, data.target.astype(np.int64), tuple(data.feature_names), tuple(map(str, data.target_names)))
