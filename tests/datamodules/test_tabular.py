"""Anybody's own table: what is read from a file."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from datamodules import TabularDataModule
from tests.datamodules.tables.table_files import COLOURS, COUNTS, FLAGS, LABELS, LEVELS, NUMBERS, N, csv, parquet, written


@pytest.mark.parametrize("target", ["label", "count", "number", "flag", "level"])
def test_csv_and_parquet_give_the_same_table(tmp_path: Path, target: str) -> None:
    columns = {"number": NUMBERS, "count": COUNTS, "colour": COLOURS, "flag": FLAGS, "level": LEVELS, "label": LABELS}
    from_csv = TabularDataModule(csv(tmp_path, columns), target).table
    from_parquet = TabularDataModule(parquet(tmp_path, columns), target).table
    np.testing.assert_array_equal(from_csv.features, from_parquet.features)
    np.testing.assert_array_equal(from_csv.targets, from_parquet.targets)
    assert from_csv.features.dtype == from_parquet.features.dtype == np.float64
    assert from_csv.targets.dtype == from_parquet.targets.dtype
    assert (from_csv.feature_names, from_csv.class_names) == (from_parquet.feature_names, from_parquet.class_names)


def test_texts_become_indicators_of_all_categories_but_the_most_frequent(tmp_path: Path) -> None:
    colours = np.array([*COLOURS[:-6], *["red"] * 6])
    read = TabularDataModule(csv(tmp_path, {"colour": colours, "number": NUMBERS, "label": LABELS}), "label").table
    assert read.feature_names == ("colour=blue", "colour=green", "number")
    np.testing.assert_array_equal(read.features[:, 0], colours == "blue")
    np.testing.assert_array_equal(read.features[:, 1], colours == "green")
    np.testing.assert_array_equal(read.features[:, 2], NUMBERS)


def test_columns_named_categorical_become_indicators(tmp_path: Path) -> None:
    path = csv(tmp_path, {"level": LEVELS, "flag": FLAGS, "label": LABELS})
    read = TabularDataModule(path, "label", categorical=["level", "flag"]).table
    levels, flag = read.feature_names[:3], read.feature_names[3]
    assert len({*levels, "level=0", "level=1", "level=2", "level=3"}) == 4
    for name, feature in zip(levels, read.features.T, strict=False):
        np.testing.assert_array_equal(feature, np.array(LEVELS) == int(name[-1]))
    np.testing.assert_array_equal(read.features[:, 3], np.array(FLAGS) == (flag == "flag=true"))


def test_true_and_false_as_a_feature_are_one_and_zero(tmp_path: Path) -> None:
    read = TabularDataModule(csv(tmp_path, {"flag": FLAGS, "label": LABELS}), "label").table
    assert read.feature_names == ("flag",)
    np.testing.assert_array_equal(read.features[:, 0], np.array(FLAGS, float))


def test_decimal_numbers_are_numbers(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"price": [Decimal(i) / 4 for i in range(N)], "label": LABELS})
    np.testing.assert_array_equal(TabularDataModule(path, "label").table.features[:, 0], np.arange(N) / 4)


def test_dictionary_encoded_columns_are_categories(tmp_path: Path) -> None:
    levels = pa.DictionaryArray.from_arrays(pa.array(LEVELS, pa.int8()), pa.array([10, 20, 30, 40]))
    plain = {"colour": COLOURS, "level": [10 * (level + 1) for level in LEVELS], "label": LABELS}
    encoded = {
        "colour": pa.array(COLOURS).dictionary_encode(),
        "level": levels,
        "label": pa.array(LABELS).dictionary_encode(),
    }
    path = parquet(tmp_path, encoded)
    assert pa.types.is_dictionary(pyarrow.parquet.read_schema(path).field("colour").type)  # or the test shows nothing
    read = TabularDataModule(path, "label").table
    expected = TabularDataModule(csv(tmp_path, plain), "label", categorical=["level"]).table
    np.testing.assert_array_equal(read.features, expected.features)
    np.testing.assert_array_equal(read.targets, expected.targets)
    assert (read.feature_names, read.class_names) == (expected.feature_names, expected.class_names)


@pytest.mark.parametrize(
    ("values", "task", "class_names"),
    [
        pytest.param(LABELS, "auto", ("no", "yes"), id="text"),
        pytest.param(FLAGS, "auto", ("false", "true"), id="bool"),
        pytest.param(LEVELS, "auto", ("0", "1", "2", "3"), id="few-integers"),
        pytest.param([i % 20 for i in range(N)], "auto", tuple(map(str, range(20))), id="20-integers"),
        pytest.param([3 * level - 1 for level in LEVELS], "auto", ("-1", "2", "5", "8"), id="integers-with-gaps"),
        pytest.param([i % 21 for i in range(N)], "auto", None, id="21-integers"),
        pytest.param(NUMBERS, "auto", None, id="real"),
        pytest.param([float(level) for level in LEVELS], "auto", None, id="few-reals"),
        pytest.param(LEVELS, "regression", None, id="few-integers-as-numbers"),
        pytest.param([level / 2 for level in LEVELS], "classification", ("0", "0.5", "1", "1.5"), id="reals-as-classes"),
        pytest.param(LABELS, "classification", ("no", "yes"), id="text-as-classes"),
    ],
)
def test_targets(tmp_path: Path, values: list[Any], task: str, class_names: tuple[str, ...] | None) -> None:
    """Classes are numbered in the order of their sorted values; numbers are kept, one column."""
    data = TabularDataModule(parquet(tmp_path, {"x": NUMBERS, "y": values}), "y", task=task)  # type: ignore[arg-type]
    read = data.table
    assert read.class_names == class_names
    assert data.num_classes == len(class_names or ())
    assert data.num_targets == 1
    if class_names is None:
        assert read.targets.dtype == np.float64
        np.testing.assert_array_equal(read.targets, np.array(values, float)[:, None])
    else:
        assert read.targets.dtype == np.int64
        np.testing.assert_array_equal(read.targets, [sorted(set(values)).index(value) for value in values])


def test_text_of_numbers_is_a_target_when_it_is_named_categorical(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"x": NUMBERS, "y": [str(level) for level in LEVELS]})
    read = TabularDataModule(path, "y", categorical=["y"]).table
    assert read.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(read.targets, LEVELS)


def test_excluded_columns_are_left_out_whatever_they_hold(tmp_path: Path) -> None:
    columns = {
        "id": [f"row {i}" for i in range(N)],
        "x": NUMBERS,
        "gaps": [None, *NUMBERS[1:]],
        "same": ["s"] * N,
        "day": [date(2020, 1, 1)] * N,
        "y": LABELS,
    }
    read = TabularDataModule(parquet(tmp_path, columns), "y", exclude=["id", "gaps", "same", "day"]).table
    assert read.feature_names == ("x",)
    np.testing.assert_array_equal(read.features[:, 0], NUMBERS)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter(tmp_path: Path, delimiter: str) -> None:
    columns = {"x": NUMBERS, "colour": COLOURS, "y": LABELS}
    expected = TabularDataModule(csv(tmp_path, columns), "y").table
    for given in (None, delimiter, "\\t" if delimiter == "\t" else delimiter):
        read = TabularDataModule(csv(tmp_path, columns, delimiter), "y", delimiter=given).table
        np.testing.assert_array_equal(read.features, expected.features)
        assert read.feature_names == expected.feature_names


def test_path_is_relative_to_data_dir(tmp_path: Path) -> None:
    parquet(tmp_path, {"x": NUMBERS, "y": LABELS})
    assert TabularDataModule("table.parquet", "y", data_dir=str(tmp_path)).num_features == 1


def test_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    rows = "".join(f"{x},{y}\n" for x, y in zip(NUMBERS, LABELS, strict=True))
    path = written("table.csv", b"\xef\xbb\xbfx,y\n" + rows.encode())(tmp_path)
    assert TabularDataModule(path, "y").table.feature_names == ("x",)
