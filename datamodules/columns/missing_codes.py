"""What people write into a cell that holds nothing."""

# Not `None` and not `missing`: among texts they may well be a category.
AMONG_TEXTS = frozenset(
    {"", "?", "-", "--", ".", "..", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "<NA>", "NULL", "null", "NaT"}
)
AMONG_NUMBERS = AMONG_TEXTS | {
    *("0000-00-00", "00.00.0000", "00/00/0000"),
    *("na", "Na", "NAN", "Null", "None", "none", "missing", "Missing", "MISSING", "unknown", "Unknown", "---", "...", "*"),
    *("#NA", "#NULL!", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!", "#NAME?", "1.#QNAN", "-1.#IND", "-nan", "-NaN"),
}
