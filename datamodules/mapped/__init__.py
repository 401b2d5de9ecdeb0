"""Tables larger than memory: copied once to files that are mapped."""

from datamodules.mapped.mapped_table import MappedTable

__all__ = ["MappedTable"]
