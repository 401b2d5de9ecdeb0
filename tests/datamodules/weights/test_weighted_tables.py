"""A row of weight 2 is two rows, and one of weight 0 none, in all that is learnt from a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from datamodules import TabularDataModule
from tests.datamodules.weights.weighted_tables import columns, pair, repeated, written

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize(
    "options", [{}, {"rare_levels": 20}, {"offset": "shift", "exposure": "years"}, {"target": "z"}], ids=str
)
@pytest.mark.parametrize("is_mapped", [False, True], ids=["in memory", "mapped"])
def test_a_row_of_weight_two_is_two_rows(options: dict[str, Any], is_mapped: bool, tmp_path: Path) -> None:
    weighted, twin = pair(tmp_path, **options, **({"memory_map": str(tmp_path / "maps")} if is_mapped else {}))
    ours, theirs = weighted.preprocessing, twin.preprocessing
    assert ours.encoder == theirs.encoder and ours.given == theirs.given
    np.testing.assert_allclose(ours.mean, theirs.mean, **CLOSE)
    np.testing.assert_allclose(ours.deviation, theirs.deviation, **CLOSE)
    for part in ("train", "test"):
        x, y, weights = weighted.splits[part]
        again = [rows.repeat_interleave(weights.long(), 0) for rows in (x, y)]
        for one, other in zip(again, twin.splits[part], strict=True):
            torch.testing.assert_close(one, other, **CLOSE)
    assert weighted.num_features == len(weighted.feature_names) == twin.num_features
    assert weighted.has_offset == twin.has_offset == ("offset" in options)


def test_what_is_learnt_depends_on_the_weights(tmp_path: Path) -> None:
    """Negative control: without them it is something else."""
    weighted, _ = pair(tmp_path)
    unweighted, _ = pair(tmp_path, weights=None, exclude=["w", "shift", "years", "n", "z"])
    assert not np.allclose(weighted.preprocessing.mean[0], unweighted.preprocessing.mean[0])


@pytest.mark.parametrize("options", [{"groups": "g"}, {"split_by": "last"}, {"folds": 3}, {}], ids=str)
def test_rows_of_weight_zero_are_missing_rows_however_they_are_divided(options: dict[str, Any], tmp_path: Path) -> None:
    contents = columns() | {"g": [i // 5 for i in range(240)]}
    keep = [i for i, weight in enumerate(contents["w"]) if weight]
    without = {name: [list(values)[i] for i in keep] for name, values in contents.items()}
    without["day"] = [str(day) for day in without["day"]]
    # Whatever stands in such a row: it is not looked at.
    contents["x"] = ["broken" if not w else v for v, w in zip(contents["x"], contents["w"], strict=True)]
    contents["x"] = [None if v is None else str(v) for v in contents["x"]]
    contents["y"] = ["third" if not w else v for v, w in zip(contents["y"], contents["w"], strict=True)]
    one, other = (
        TabularDataModule(written(tmp_path / f"{name}.csv", table), "y", weights="w", **options)
        for name, table in (("all", contents), ("some", without))
    )
    assert one.class_names == other.class_names == ("no", "yes")
    assert one.preprocessing.encoder == other.preprocessing.encoder
    for part, rows in one.splits.items():
        for mine, theirs in zip(rows, other.splits[part], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    zeros = 240 - len(keep)
    assert one.report.rows["of weight 0"] == zeros
    assert f"rows left out, of weight 0: {zeros}" in one.report.lines()


def test_weights_of_one_are_no_weights(tmp_path: Path) -> None:
    contents = columns(zeros=False) | {"w": [1.0] * 240}
    path = written(tmp_path / "t.csv", contents)
    one = TabularDataModule(path, "y", weights="w")
    none = TabularDataModule(path, "y", exclude=["w"])
    mapped = TabularDataModule(path, "y", weights="w", memory_map=str(tmp_path / "maps"))
    for part in ("train", "val", "test"):
        assert len(one.splits[part]) == len(mapped.splits[part]) == 2
        for mine, theirs in zip(one.splits[part], none.splits[part], strict=True):
            assert torch.equal(mine, theirs)


def test_the_order_of_the_rows_changes_nothing_that_is_learnt(tmp_path: Path) -> None:
    contents = columns()
    order = np.random.default_rng(3).permutation(240)
    permuted = {name: [list(values)[i] for i in order] for name, values in contents.items()}
    permuted["day"] = [str(day) for day in permuted["day"]]
    settings: dict[str, Any] = {"target": "y", "weights": "w", "val_fraction": 0.0, "test_fraction": 0.0}
    one = TabularDataModule(written(tmp_path / "one.csv", contents), **settings).preprocessing
    other = TabularDataModule(written(tmp_path / "two.csv", permuted), **settings).preprocessing
    assert one.encoder == other.encoder
    np.testing.assert_allclose(one.mean, other.mean, **CLOSE)


def test_the_mapped_table_is_the_one_in_memory(tmp_path: Path) -> None:
    contents = columns()
    contents["w"] = [0.25 * w for w in contents["w"]]
    settings: dict[str, Any] = {"target": "y", "weights": "w", "offset": "shift", "exposure": "years", "split_by": "last"}
    path = written(tmp_path / "t.csv", contents)
    memory = TabularDataModule(path, **settings)
    mapped = TabularDataModule(path, **settings, memory_map=str(tmp_path / "maps"))
    assert memory.preprocessing.encoder == mapped.preprocessing.encoder
    for _ in range(2):  # made, and then read again
        for part, rows in memory.splits.items():
            for mine, theirs in zip(rows, mapped.splits[part], strict=True):
                torch.testing.assert_close(mine, theirs, **CLOSE)
        mapped = TabularDataModule(path, **settings, memory_map=str(tmp_path / "maps"))
    left = {file.name for folder in (tmp_path / "maps").iterdir() if folder.is_dir() for file in folder.iterdir()}
    assert left == {"features.npy", "targets.npy", "weights.npy", "about.json"}


def test_an_offset_stands_behind_the_features_as_it_is(tmp_path: Path) -> None:
    contents = columns()
    path = written(tmp_path / "t.csv", contents)
    settings: dict[str, Any] = {"target": "n", "task": "regression", "val_fraction": 0.0, "test_fraction": 0.0}
    shift, logs = np.array(contents["shift"]), np.log(contents["years"])
    for options, expected in (
        ({"offset": "shift", "exclude": ["years"]}, shift),
        ({"exposure": "years", "exclude": ["shift"]}, logs),
        ({"offset": "shift", "exposure": "years"}, shift + logs),
    ):
        data = TabularDataModule(path, **settings, **options)
        x, y = data.splits["train"]
        np.testing.assert_allclose(x[:, -1].numpy(), expected, rtol=1e-14)
        assert x.shape[1] == data.num_features + 1 and not {"shift", "years"} & set(data.feature_names)
        assert y.dtype == torch.float64, "counts are real numbers to a regression"
        rows = data.table.features
        torch.testing.assert_close(data.scaled(rows, expected), x)
        with pytest.raises(ValueError, match="offset: the data have one, give it as well"):
            data.scaled(rows)
    assert TabularDataModule(path, "n", task="regression").has_offset is False


def test_weights_that_sum_to_one_make_no_category_rare(tmp_path: Path) -> None:
    contents = columns(zeros=False)
    names = TabularDataModule(written(tmp_path / "a.csv", contents), "y", weights="w").feature_names
    contents["w"] = (np.array(contents["w"]) / sum(contents["w"])).tolist()
    assert TabularDataModule(written(tmp_path / "b.csv", contents), "y", weights="w").feature_names == names


def test_repeated_rows_have_the_weight_in_their_number() -> None:
    """Negative control of the tables themselves."""
    contents = columns()
    assert len(repeated(contents)["y"]) == sum(contents["w"]) != len(contents["y"])


def test_columns_of_a_parquet_file_of_any_type(tmp_path: Path) -> None:
    """Among them lists, which are no features, and encoded categories; weights are decimals, a floating type, or encoded."""
    contents = columns()
    contents["tags"] = [["a"] * (i % 3) for i in range(len(contents["y"]))]
    contents["colour"] = pa.array(contents["colour"]).dictionary_encode()
    kept = pa.array([bool(weight) for weight in contents["w"]])
    found = []
    weights = pa.array(contents["w"])
    for number, w in enumerate((weights.cast(pa.decimal128(25, 2)), weights.cast(pa.float32()), weights.dictionary_encode())):
        table = pa.table(contents | {"w": w})
        for name, rows in (("all", table), ("some", table.filter(kept))):
            path = tmp_path / f"{name}_{number}.parquet"
            pyarrow.parquet.write_table(rows, path, row_group_size=50)
            found.append(TabularDataModule(str(path), "y", weights="w", exposure="years"))
    for other in found[1:]:
        assert other.preprocessing.encoder == found[0].preprocessing.encoder
        for part, rows in other.splits.items():
            for mine, theirs in zip(rows, found[0].splits[part], strict=True):
                assert torch.equal(mine, theirs)
