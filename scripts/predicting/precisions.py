"""Numbers that an exported program may compute in, by the names that torch has for them."""

PRECISIONS = ("float32", "float64")
