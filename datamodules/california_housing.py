"""California housing."""

import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_california_housing, get_data_home

from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule

FILE = "cal_housing_py3.pkz"


class CaliforniaHousingDataModule(TableDataModule):
    """20 640 districts of the 1990 census, 8 features, median house value in 100 000 dollars (992 of them capped at 5.0).

    Read from `data_dir` where scikit-learn keeps it as `cal_housing_py3.pkz`, else downloaded there.
    """

    def load(self) -> Table:
        folder = Path(self.data_dir or get_data_home())
        present, had_folder = (folder / FILE).is_file(), folder.exists()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Retry downloading")  # the error below says it once
                data = fetch_california_housing(data_home=self.data_dir)
        except Exception as error:  # scikit-learn lets through whatever the network, the disk or the pickle raised
            if not had_folder and folder.exists() and not any(folder.iterdir()):
                folder.rmdir()  # made for a download that did not come
            if present:
                raise OSError(
                    f"{folder / FILE} cannot be read ({type(error).__name__}: {error}): "
                    "it is damaged or of another version; delete it, so that it is downloaded again"
                ) from error
            raise OSError(
                f"California housing is not in {folder} and could not be downloaded "
                f"({type(error).__name__}: {error}): connect to the network, or put scikit-learn's {FILE} into a folder and "
                "name that folder as data_dir"
            ) from error
        return Table(data.data, data.target.astype(np.float64)[:, None], tuple(data.feature_names))
