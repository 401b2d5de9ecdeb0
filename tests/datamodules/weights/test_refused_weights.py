"""Weights, offsets and exposures that are none: one line, with cause and remedy, in memory and mapped."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from datamodules import ArrayDataModule, CaliforniaHousingDataModule, IrisDataModule, TabularDataModule
from tests.datamodules.weights.weighted_tables import written

N = 60
INF, NAN = float("inf"), float("nan")
GOOD: dict[str, Any] = {
    "x": [0.5 * i for i in range(N)],
    "z": [i % 7 for i in range(N)],
    "kind": ["red", "green", "blue"] * (N // 3),
    "w": [1 + i % 3 for i in range(N)],
    "t": [0.25 + i % 5 for i in range(N)],
    "y": ["yes", "no"] * (N // 2),
}
ROLES = {"weights": "w", "offset": "x", "exposure": "t"}


def first(column: str, value: Any) -> dict[str, Any]:
    return {column: [*GOOD[column][:4], value, *GOOD[column][5:]]}


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unknown": ({}, {"weights": "ww"}, r"no column 'ww' \(weights\).*did you mean 'w'\?"),
    "unknown offset": ({}, {"offset": "X"}, r"no column 'X' \(offset\).*did you mean 'x'\?"),
    "unknown exposure": ({}, {"exposure": "time"}, r"no column 'time' \(exposure\): its columns are"),
    "no name": ({}, {"weights": 3}, "weights=3: give the name of a column, or None, not int"),
    "the target": ({}, {"weights": "y"}, "weights='y': target names this column too"),
    "excluded": ({}, {"offset": "x", "exclude": ["x"]}, "offset='x': exclude names this column too"),
    "a feature": ({}, {"offset": "x", "categorical": ["x"]}, "offset='x': categorical names this column too"),
    "two roles": ({}, {"offset": "x", "exposure": "x"}, "exposure='x': offset names this column too"),
    "texts": ({}, {"weights": "kind"}, r"'kind' \(weights\) holds 'red' in row 1, and every row needs a finite number ≥ 0"),
    "a text": (
        {"w": ["1", "2", "3", "4", "l0", *["1"] * (N - 5)]},
        {},
        r"'w' \(weights\) holds 'l0' in row 5, and every row needs",
    ),
    "truth": ({"w": [True, False] * (N // 2)}, {}, r"'w' \(weights\) .*every row needs a finite number ≥ 0"),
    "codes": ({"w": [f"0{i % 3}" for i in range(N)]}, {}, r"'w' \(weights\) holds codes with leading zeros"),
    "empty": ({"w": [None] * N}, {}, r"'w' \(weights\) is empty"),
    "negative": (first("w", -1), {}, r"'w' \(weights\) is -1 in row 5, and every row needs a finite number ≥ 0: correct it"),
    "infinite": (first("w", INF), {}, r"'w' \(weights\) holds 'inf' in row 5"),
    "missing": (first("w", None), {}, r"'w' \(weights\) is missing in row 5.*missing=drop"),
    "nan": (first("w", NAN), {}, r"'w' \(weights\) is missing in row 5"),
    "all zero": ({"w": [0] * N}, {}, r"'w' \(weights\) is 0 in all 60 rows, so that none of them counts"),
    "all zero, written": ({"w": ["0,00"] * N}, {"decimal": ","}, r"'w' \(weights\) is 0 in all 60 rows"),
    "no class left": ({"w": [1, 0] * (N // 2)}, {}, r"one class only \('yes'\)"),
    "missing offset": (first("x", None), {}, r"'x' \(offset\) is missing in row 5"),
    "infinite offset": (first("x", -INF), {}, r"'x' \(offset\) holds '-inf' in row 5, and every row needs a finite number:"),
    "no exposure": (first("t", 0), {}, r"'t' \(exposure\) is 0 in row 5, and every row needs a finite number > 0"),
    "negative exposure": (first("t", -2), {}, r"'t' \(exposure\) is -2 in row 5"),
    "missing exposure": (first("t", None), {}, r"'t' \(exposure\) is missing in row 5"),
    "class weights": ({}, {"class_weight": "even"}, "class_weight='even': give 'balanced', or weights by the names"),
    "class weight 0": ({}, {"class_weight": {"yes": 0}}, "class_weight of 'yes' is 0: give a finite number > 0"),
    "class weight text": ({}, {"class_weight": {"yes": "2"}}, "class_weight of 'yes'='2': give a number"),
    "class unknown": ({}, {"class_weight": {"maybe": 2}}, "no class by 'maybe': the classes are 'no', 'yes'"),
    "no classes": ({}, {"target": "z", "task": "regression", "class_weight": "balanced"}, "targets are numbers, not classes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_weights_are_refused_with_cause_and_remedy(name: str, tmp_path: Path) -> None:
    cells, options, words = BAD[name]
    path, messages = written(tmp_path / "t.csv", GOOD | cells), []
    for place in (None, str(tmp_path / "maps")):
        with pytest.raises(ValueError, match=words) as refusal:
            data = TabularDataModule(path, **({"target": "y"} | ROLES | options), memory_map=place)
            data.splits  # noqa: B018
        messages.append(str(refusal.value))
        assert "\n" not in messages[0]
    assert messages[0] == messages[1]


def test_the_good_table_is_taken(tmp_path: Path) -> None:
    """Control."""
    path = written(tmp_path / "t.csv", GOOD)
    for place in (None, str(tmp_path / "maps")):
        data = TabularDataModule(path, "y", **ROLES, class_weight={"yes": 2}, memory_map=place)
        assert data.feature_names == ("z", "kind=green", "kind=red") or len(data.feature_names) == 3
        assert data.report.columns["w"] == "the weights of the rows"


def test_rows_that_lack_a_weight_or_an_offset_are_dropped_where_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", GOOD | first("w", None) | {"t": [None, *GOOD["t"][1:]]})
    for place in (None, str(tmp_path / "maps")):
        data = TabularDataModule(path, "y", **ROLES, missing="drop", memory_map=place)
        assert data.num_rows == N - 2 and data.report.rows["with missing values"] == 2


def test_a_row_that_does_not_count_may_hold_anything(tmp_path: Path) -> None:
    bad = first("w", 0) | first("t", -3) | first("z", "oops") | first("y", "third") | first("x", INF)
    path = written(tmp_path / "t.csv", {name: list(map(str, values)) for name, values in (GOOD | bad).items()})
    for place in (None, str(tmp_path / "maps")):
        data = TabularDataModule(path, "y", **ROLES, strict=True, memory_map=place)
        assert data.num_rows == N - 1 and data.class_names == ("no", "yes")
        assert data.report.rows["of weight 0"] == 1


@pytest.mark.parametrize("option", ["weights", "exposure"])
def test_the_test_file_has_the_columns_too(option: str, tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", GOOD)
    test = written(tmp_path / "test.csv", {name: values for name, values in GOOD.items() if name != ROLES[option]})
    for place in (None, str(tmp_path / "maps")):
        with pytest.raises(ValueError, match=rf"test.csv has no column '{ROLES[option]}'"):
            TabularDataModule(path, "y", **ROLES, test_path=test, memory_map=place).splits  # noqa: B018
    bad = written(tmp_path / "bad.csv", GOOD | first(ROLES[option], -1))
    with pytest.raises(ValueError, match=rf"bad.csv: column '{ROLES[option]}' \({option}\) is -1 in row 5"):
        TabularDataModule(path, "y", **ROLES, test_path=bad).splits  # noqa: B018


X, LABELS = np.random.default_rng(0).normal(size=(40, 3)), [0, 1] * 20
WEIGHTS = np.ones(40)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": WEIGHTS[:39]}, r"weights of shape \(39,\): give one number for each of the 40 rows"),
        ({"weights": np.ones((40, 2))}, r"weights of shape \(40, 2\)"),
        ({"weights": -WEIGHTS}, r"weights\[0\] is -1, and every row needs a finite number ≥ 0"),
        ({"weights": [*WEIGHTS[:39], NAN]}, r"weights\[39\] is missing"),
        ({"weights": [*WEIGHTS[:39], None]}, r"weights\[39\] is missing"),
        ({"weights": pandas.array([1.0] * 39 + [None], "Float64")}, r"weights\[39\] is missing"),
        ({"weights": [*WEIGHTS[:39], INF]}, r"weights\[39\] is inf"),
        ({"weights": 0 * WEIGHTS}, "weights are 0 in all 40 rows"),
        ({"weights": ["a"] * 40}, "weights: give one number a row"),
        ({"weights": WEIGHTS > 0}, "weights: give one number a row .they are bool"),
        ({"weights": [[1], [1, 2]] * 20}, "weights: give one number a row"),
        ({"offset": X}, r"offset of shape \(40, 3\)"),
        ({"offset": [NAN, *WEIGHTS[1:]]}, r"offset\[0\] is missing, and every row needs a finite number:"),
        ({"offset": [-INF, *WEIGHTS[1:]]}, r"offset\[0\] is -inf"),
        ({"class_weight": {2: 5}}, "no class by 2: the classes are '0', '1'"),
        ({"class_weight": {}}, "class_weight={}: give 'balanced'"),
    ],
)
def test_bad_weights_of_arrays_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        ArrayDataModule(X, LABELS, **options).splits  # noqa: B018
    assert "\n" not in str(refusal.value)


def test_class_weights_are_for_classes() -> None:
    assert len(IrisDataModule(class_weight="balanced").splits["train"]) == 3
    with pytest.raises(ValueError, match="class_weight='even'"):
        CaliforniaHousingDataModule(class_weight="even")  # type: ignore[arg-type]
