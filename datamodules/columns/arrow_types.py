"""Kinds of cells, by Arrow's types."""

import pyarrow as pa


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_date(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def is_truth(kind: pa.DataType) -> bool:
    return pa.types.is_boolean(kind)


def described(kind: pa.DataType) -> str:
    return "binary (in a CSV file: text that is not UTF-8)" if pa.types.is_binary(kind) else str(kind)
