"""Tables in memory: checked, split, scaled; and their files."""

from datamodules.tables.table import Table
from datamodules.tables.table_data_module import TableDataModule

__all__ = ["Table", "TableDataModule"]
