"""Files that hold tables: found out how, and read a few rows at a time."""

from datamodules.files.table_file import TableFile

__all__ = ["TableFile"]
