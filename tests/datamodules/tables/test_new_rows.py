"""New rows are read as the training rows were, or refused with their place."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from datamodules import TabularDataModule
from datamodules.files import TableFile
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.new_rows import NewRows

N = 40
COLUMNS: dict[str, Any] = {
    "size": [0.5 * i for i in range(N)],
    "count": list(range(N)),
    "colour": [("red", "green", "blue")[i % 3] for i in range(N)],
    "flag": [i % 2 == 0 for i in range(N)],
    "level": [(10, 9, 100)[i % 3] for i in range(N)],
    "id": [f"{i:03d}" for i in range(N)],
    "label": [f"class {i % 2}" for i in range(N)],
    "day": [date(2020, 1, 1 + i % 3) for i in range(N)],
    "share": [Decimal(110 + 7 * i) / 100 for i in range(N)],
}


def write(path: Path, columns: dict[str, Any]) -> Path:
    table = pa.table(columns)
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)
    return path


def trained(folder: Path, kind: str = "csv", **options: Any) -> TabularDataModule:
    path = write(folder / f"train.{kind}", COLUMNS)
    return TabularDataModule(str(path), "label", categorical=["level", "day"], exclude=["id"], **options)


def read(path: Path, preprocessing: Preprocessing, kept: tuple[str, ...] = ()) -> tuple[np.ndarray, pa.Table]:
    features, handed_on = zip(*NewRows(TableFile(path), preprocessing, kept).pieces(), strict=True)
    return np.concatenate(features), pa.concat_tables(handed_on)


@pytest.mark.parametrize("learnt", ["csv", "parquet"])
@pytest.mark.parametrize("new", ["csv", "parquet"])
def test_rows_give_the_features_of_the_training(tmp_path: Path, learnt: str, new: str) -> None:
    data = trained(tmp_path, learnt)
    some = {name: values[5:9] for name, values in reversed(COLUMNS.items()) if name != "label"}
    features, kept = read(write(tmp_path / f"new.{new}", some), data.preprocessing, ("id",))
    np.testing.assert_array_equal(features, data.table.features[5:9])
    assert kept["id"].to_pylist() == ["005", "006", "007", "008"], "not even a leading zero is lost"


@pytest.mark.parametrize("standardize", [True, False])
def test_memory_mapped_tables_keep_the_same(tmp_path: Path, standardize: bool) -> None:
    data = trained(tmp_path, memory_map=str(tmp_path / "copy"), standardize=standardize)
    features, _ = read(tmp_path / "train.csv", data.preprocessing)
    np.testing.assert_array_equal(
        np.sort(data.preprocessing.scaled(features), 0), np.sort(np.concatenate([x for x, _ in data.splits.values()]), 0)
    )


def test_it_survives_as_plain_values(tmp_path: Path) -> None:
    held = trained(tmp_path).state_dict()["preprocessing"]
    again = Preprocessing.from_plain(held)
    assert again.plain() == held
    assert again.class_names == ("class 0", "class 1")
    level = next(column for column in again.encoder.columns if column.name == "level")
    assert sorted(level.levels, key=int) == ["9", "10", "100"]
    assert list(level.levels[1:]) == sorted(level.levels[1:], key=int), "numbers are in the order of numbers"


def changed(**columns: Any) -> dict[str, Any]:
    return {name: values[:4] for name, values in COLUMNS.items()} | columns


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "missing": ({k: v for k, v in COLUMNS.items() if k not in ("size", "flag")}, ("no column 'size', 'flag'", "'count'")),
    "empty": (changed(size=[1.0, None, 2.0, 3.0]), ("'size' is empty in row 2", "fill it in")),
    "nan": (changed(size=[1.0, 2.0, float("nan"), 3.0]), ("'size' is empty in row 3", "fill it in")),
    "infinite": (changed(count=[1.0, 2.0, 3.0, float("-inf")]), ("'count' holds -inf in row 4", "finite")),
    "text": (changed(size=["1.5", " 2 ", "3,5", "x"]), ("'size' holds '3,5' in row 3", "held numbers")),
    "unknown": (changed(colour=["red", "red", "blue", "violet"]), ("'violet' in row 4", "'blue'", "'green'", "'red'")),
    "level": (changed(level=[9, 9, 11, 9]), ("'11' in row 3", "'9'", "'10'", "'100'")),
    "fraction": (changed(level=[9.0, 9.5, 9.0, 9.0]), ("'9.5' in row 2", "none of the categories")),
    "flag": (changed(flag=["true", "false", "maybe", "true"]), ("'maybe' in row 3", "held true or false")),
    "no rows": ({name: pa.array([], pa.string()) for name in COLUMNS}, ("has no rows",)),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", BAD)
def test_what_the_model_cannot_be_given_is_refused_with_its_place(tmp_path: Path, case: str, kind: str) -> None:
    columns, words = BAD[case]
    preprocessing = trained(tmp_path, strict=True).preprocessing
    with pytest.raises(ValueError) as refusal:
        read(write(tmp_path / f"new.{kind}", columns), preprocessing)
    assert all(word in str(refusal.value) for word in ("new." + kind, *words)), refusal.value
    assert "\n" not in str(refusal.value)


def test_rows_are_counted_through_the_pieces(tmp_path: Path) -> None:
    """A file is read a few MiB at a time."""
    count = 200_000
    data = trained(tmp_path, strict=True)
    many = {name: (values * (count // N)) for name, values in COLUMNS.items()}
    many["colour"][-2] = "violet"
    with pytest.raises(ValueError, match=f"'violet' in row {count - 1},"):
        read(write(tmp_path / "new.csv", many), data.preprocessing)
    with pytest.raises(ValueError, match=f"'violet' in row {count - 1},"):
        read(write(tmp_path / "new.parquet", many), data.preprocessing)
    assert TableFile(tmp_path / "new.parquet").expected_rows == count


def test_columns_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "new.parquet", changed(size=[[1.0], [2.0], [3.0], [4.0]]))
    with pytest.raises(ValueError, match="'size' is list<element: double>, where the training rows held numbers"):
        read(path, trained(tmp_path).preprocessing)


def test_a_name_that_occurs_twice_is_the_first_of_them(tmp_path: Path) -> None:
    """As it is in training: the others get names of their own."""
    (tmp_path / "new.csv").write_text("size,size,count,colour,flag,level,day,share\n1,2,3,red,true,9,2020-01-01,1\n")
    preprocessing = trained(tmp_path).preprocessing
    features, _ = read(tmp_path / "new.csv", preprocessing)
    assert features[0, preprocessing.feature_names.index("size")] == 1


DIRTY = {
    "dose": ["1,200.5", "?", " 300 ", "", "2,000", "NA"] * 10,
    "town": ["Oslo", "Bergen ", "Oslo", "", "Voss", "Oslo"] * 9 + ["Moss", "Odda", "Oslo", "Oslo", "Oslo", "Oslo"],
    "when": ["31.12.2020", "1.2.2021", "2.2.2021", "", "3.5.2021", "4.5.2021"] * 10,
    "y": [0.1 * i * i for i in range(60)],
}


def test_missing_values_and_unknown_categories_follow_the_training_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "dirty.csv", DIRTY)
    data = TabularDataModule(str(path), "y", val_fraction=0, test_fraction=0)
    new = {"dose": ["100", "", "-"], "town": ["Atlantis", " Oslo", "?"], "when": ["", "31.12.2020", "5.5.2021"]}
    rows = NewRows(TableFile(write(tmp_path / "new.csv", new)), data.preprocessing)
    ((features, _),) = rows.pieces()
    found = {name: column.tolist() for name, column in zip(data.feature_names, features.T, strict=True)}
    median = float(np.median([1200.5, 300, 2000]))
    assert found["dose"] == [100, median, median]
    assert found["dose=missing"] == [0, 1, 1]
    assert found["town=other"] == [1, 0, 0] and found["town=missing"] == [0, 0, 1]
    assert "town=Oslo" not in found, "the most frequent one is the reference"
    assert found["when (year)"] == [2021, 2020, 2021]
    assert found["when (days)"][1] == (date(2020, 12, 31) - date(1970, 1, 1)).days
    assert found["when (days)=missing"] == [1, 0, 0]
    assert rows.notes() == [
        f"missing values: 'dose' (2, as the median {median:.4g}, marked), 'town' (1, as a category of its own), 'when' (1, "
        f"{data.preprocessing.encoder.encodings[2].stand_in()})",
        "categories that no training row has: 'town' (1, as other)",
    ]


def test_the_rules_of_the_training_rows_survive_a_checkpoint(tmp_path: Path) -> None:
    path = write(tmp_path / "dirty.csv", DIRTY)
    data = TabularDataModule(str(path), "y")
    again = Preprocessing.from_plain(json.loads(json.dumps(data.state_dict()["preprocessing"])))
    np.testing.assert_array_equal(read(path, again)[0], read(path, data.preprocessing)[0])
    assert again.encoder == data.preprocessing.encoder
    np.testing.assert_array_equal(read(path, again)[0], data.table.features)


def test_dropped_missing_values_are_refused_in_new_rows(tmp_path: Path) -> None:
    """A model that has seen no missing value has nothing to put in their place."""
    path = write(tmp_path / "dirty.csv", DIRTY)
    data = TabularDataModule(str(path), "y", missing="drop")
    whole = [not {"", "?", "NA"} & {dose, town, when} for dose, town, when, _ in zip(*DIRTY.values(), strict=True)]
    assert sum(map(len, data.rows.values())) == sum(whole)
    with pytest.raises(ValueError, match="is empty in row 2"):
        read(path, data.preprocessing)
