"""Columns that a Parquet file encodes as categories: which these are, and the values they stand for."""

import base64

import pyarrow as pa
import pyarrow.parquet


def encoded_columns(file: pyarrow.parquet.ParquetFile) -> set[str]:
    """Columns that were written as categories: of other ones than texts, Arrow tells no more when it reads them."""
    held = (file.metadata.metadata or {}).get(b"ARROW:schema")
    if held is None:
        return set()
    written = pa.ipc.read_schema(pa.BufferReader(base64.b64decode(held)))
    return {field.name for field in written if pa.types.is_dictionary(field.type)}


def without_dictionaries(table: pa.Table) -> pa.Table:
    """Dictionary-encoded columns (pandas' categories) as the values they stand for, and texts of any kind as texts."""
    for j, field in enumerate(table.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
            kind = pa.string()
        if kind != field.type:
            table = table.set_column(j, field.name, table.column(j).cast(kind))
    return table
