"""Another file may have decimal commas or dates of another format than the training rows, and means the same."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas
import pytest

from datamodules import TabularDataModule
from datamodules.columns import Column, Encoder
from datamodules.columns.encoding import Encoding
from datamodules.files import TableFile
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.new_rows import NewRows

N = 40


def learnt(folder: Path, header: str, rows: list[str], target: str = "y") -> TabularDataModule:
    (folder / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    return TabularDataModule(str(folder / "train.csv"), target, val_fraction=0, test_fraction=0)


def plain_numbers(folder: Path) -> Preprocessing:
    return learnt(folder, "x,y", [f"{1 + i / 8},{i * i / 10}" for i in range(N)]).preprocessing


def decimal_commas(folder: Path) -> Preprocessing:
    rows = [f"{1 + i / 8:.3f};{i * i / 10}".replace(".", ",") for i in range(N)]
    return learnt(folder, "x;y", rows).preprocessing


def parted_thousands(folder: Path) -> Preprocessing:
    return learnt(folder, "x\ty", [f"{1000 * i:,}\t{i * i / 10}" for i in range(N)]).preprocessing


def new_rows(folder: Path, text: str, preprocessing: Preprocessing) -> NewRows:
    (folder / "new.csv").write_text(text)
    return NewRows(TableFile(folder / "new.csv"), preprocessing)


def features(rows: NewRows) -> np.ndarray:
    return np.concatenate([features for features, _ in rows.pieces()])


COMMAS, POINTS = ["numbers with decimal commas: 'x'"], ["numbers with decimal points: 'x'"]
READ = {
    "commas": (plain_numbers, "tag;x\na;1,500\nb;2,250\n", [1.5, 2.25], COMMAS),
    "a leading zero": (plain_numbers, "tag;x\na;0,137\nb;2,250\n", [0.137, 2.25], COMMAS),
    "a minus behind": (plain_numbers, "tag;x\na;1,5-\nb;2,25\n", [-1.5, 2.25], COMMAS),
    "whole ones among commas": (plain_numbers, "tag;x\na;3\nb;2,5\nc;\n", [3, 2.5, 3.4375], COMMAS),
    "points": (decimal_commas, "x\n3.125\n4.500\n", [3.125, 4.5], POINTS),
    "points, a leading zero": (decimal_commas, "x\n0.125\n4.500\n", [0.125, 4.5], POINTS),
    "as in training": (plain_numbers, "x\n3.125\n4.500\n", [3.125, 4.5], []),
    "as in training, commas": (decimal_commas, "tag;x\na;1,500\nb;2,250\n", [1.5, 2.25], []),
    "as in training, thousands": (parted_thousands, "tag;x\na;1,500\nb;2,250\n", [1500, 2250], []),
    "whole": (plain_numbers, "x\n3\n4000\n", [3, 4000], []),
    "thousands and commas": (parted_thousands, "tag;x\na;1.500,5\nb;2.250\n", [1500.5, 2250], COMMAS),
}


@pytest.mark.parametrize("case", READ)
def test_numbers_are_read_in_the_notation_that_reads_them_all(tmp_path: Path, case: str) -> None:
    make, text, expected, notes = READ[case]
    preprocessing = Preprocessing.from_plain(json.loads(json.dumps(make(tmp_path).plain())))
    rows = new_rows(tmp_path, text, preprocessing)
    found = features(rows)[:, preprocessing.feature_names.index("x")]
    filled = [preprocessing.encoder.encodings[0].fill if np.isnan(x) else x for x in expected]
    assert found.tolist() == filled
    assert [note for note in rows.notes() if not note.startswith("missing")] == notes


REFUSED = {
    "mixed": (plain_numbers, "tag;x\na;1.5\nb;2.5\nc;3,5\n", "'x' holds '3,5' in row 3, where the training rows held numbers"),
    "mixed, commas": (decimal_commas, "tag;x\na;1,5\nb;2.5\n", "'x' holds '2.5' in row 2"),
    "a text": (plain_numbers, "tag;x\na;1,5\nb;some\n", "'x' holds '1,5' in row 1"),
    "thousands": (plain_numbers, "tag;x\na;1.5\nb;1,234.5\n", "'x' holds '1,234.5' in row 2, where the training rows held "
                  "numbers without separators between thousands: correct it"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_notation_reads_is_refused_with_its_row(tmp_path: Path, case: str) -> None:
    make, text, words = REFUSED[case]
    rows = new_rows(tmp_path, text, make(tmp_path))
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        features(rows)
    assert "\n" not in str(refused.value)


def test_all_rows_of_a_file_are_looked_at(tmp_path: Path) -> None:
    """The only cell that tells may be the last one of many pieces."""
    count = 400_000
    rows = new_rows(tmp_path, "a;x\n" + "some text;7\n" * count + "some text;1,500\n", plain_numbers(tmp_path))
    found = features(rows)
    assert found[-1, 0] == 1.5 and (found[:-1, 0] == 7).all() and len(found) == count + 1


def english() -> pandas.DataFrame:
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "age": [f"{x:.1f}" for x in rng.uniform(20, 90, N)],
            "dose": [f"{x:.3f}" for x in rng.uniform(0, 9, N)],
            "income": [f"{x:,}" for x in rng.integers(1000, 90000, N)],
            "exact": [repr(float(x)) for x in rng.normal(size=N)],
            "when": [f"{date(2020, 1, 1) + timedelta(int(x)):%Y-%m-%d}" for x in rng.integers(0, 900, N)],
            "town": ["Oslo", "Bergen"] * (N // 2),
            "y": [f"{x:.4f}" for x in rng.normal(size=N)],
        }
    )


def german() -> pandas.DataFrame:
    frame = english()
    for name in ("age", "dose", "income", "exact", "y"):
        frame[name] = [text.translate(str.maketrans(",.", ".,")) for text in frame[name]]
    frame["when"] = [f"{date.fromisoformat(text):%d.%m.%Y}" for text in frame["when"]]
    return frame


@pytest.mark.parametrize("is_learnt_in_german", [True, False])
def test_a_german_and_an_english_version_give_the_same_to_the_last_bit(tmp_path: Path, is_learnt_in_german: bool) -> None:
    english().to_csv(tmp_path / "english.csv", index=False)
    german().to_csv(tmp_path / "german.csv", index=False, sep=";")
    names = ["english.csv", "german.csv"]
    train, new = reversed(names) if is_learnt_in_german else names
    data = TabularDataModule(str(tmp_path / train), "y")
    rows = NewRows(TableFile(tmp_path / new), data.preprocessing)
    np.testing.assert_array_equal(features(rows), data.table.features)
    sign, form = ("points", "ISO 8601") if is_learnt_in_german else ("commas", "%d.%m.%Y")
    assert rows.notes() == [
        f"numbers with decimal {sign}: 'age', 'dose', 'income', 'exact'",
        f"dates by {form}: 'when'",
    ]
    own = NewRows(TableFile(tmp_path / train), data.preprocessing)
    np.testing.assert_array_equal(features(own), data.table.features)
    assert own.notes() == []


def test_thousands_that_only_other_columns_tell_are_refused(tmp_path: Path) -> None:
    """With decimal commas beside it, 1.500 is hardly 1.5."""
    data = learnt(tmp_path, "x,z,y", [f"{i / 8},{i},{i * i / 10}" for i in range(N)])
    with pytest.raises(
        ValueError, match=r"'z' holds '1\.500' in row 2, where the training rows held numbers without separators"
    ):
        features(new_rows(tmp_path, "x;z\n1,5;7\n2,5;1.500\n", data.preprocessing))
    assert features(new_rows(tmp_path, "x;z\n1,5;7\n2,5;1.5\n", data.preprocessing)).tolist() == [[1.5, 7], [2.5, 1.5]]


def test_dates_keep_the_format_of_the_training_where_it_reads_them(tmp_path: Path) -> None:
    days = [f"{1 + i % 28:02d}/{1 + i % 12:02d}/{2000 + i}" for i in range(N)]
    preprocessing = learnt(tmp_path, "when,y", [f"{day},{i * i / 10}" for i, day in enumerate(days)]).preprocessing
    place = preprocessing.feature_names.index("when (days)")

    def read(*cells: str) -> tuple[list[float], list[str]]:
        rows = new_rows(tmp_path, "tag,when\n" + "".join(f"a,{cell}\n" for cell in cells), preprocessing)
        return features(rows)[:, place].tolist(), rows.notes()

    expected = [float((date(2020, month, 1) - date(1970, 1, 1)).days) for month in (2, 3)]
    assert read("01/02/2020", "01/03/2020") == (expected, [])
    assert read("2020-02-01", "2020-03-01") == (expected, ["dates by ISO 8601: 'when'"])
    assert read("01.02.2020", "NA", "01.03.2020")[0][::2] == expected
    with pytest.raises(ValueError, match="'when' holds '2020-03-01' in row 2, where the training rows held dates"):
        read("01/02/2020", "2020-03-01")


def test_columns_that_have_a_type_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preprocessing = plain_numbers(tmp_path)
    pandas.DataFrame({"x": [1.5, 2.25]}).to_parquet(tmp_path / "new.parquet")
    pandas.DataFrame({"x": ["1,5", "2,25"]}).to_parquet(tmp_path / "texts.parquet")
    pandas.DataFrame({"x": pandas.Categorical(["1,5", "2,25"])}).to_parquet(tmp_path / "encoded.parquet")
    for name in ("texts", "encoded"):
        rows = NewRows(TableFile(tmp_path / f"{name}.parquet"), preprocessing)
        assert features(rows)[:, 0].tolist() == [1.5, 2.25] and rows.notes() == COMMAS
    monkeypatch.setattr("datamodules.tables.new_notation.Profile", None)
    assert features(NewRows(TableFile(tmp_path / "new.parquet"), preprocessing))[:, 0].tolist() == [1.5, 2.25]


def test_a_model_of_numbers_that_had_a_type(tmp_path: Path) -> None:
    """Nothing parted their thousands."""
    pandas.DataFrame({"x": np.arange(N) / 8, "y": np.arange(N) ** 2 / 10}).to_parquet(tmp_path / "train.parquet")
    typed = TabularDataModule(str(tmp_path / "train.parquet"), "y", val_fraction=0, test_fraction=0).preprocessing
    bundled = Preprocessing(Encoder.of_numbers(["x"]), np.zeros(1), np.ones(1), None)
    for preprocessing in (typed, bundled):
        assert features(new_rows(tmp_path, "tag;x\na;1,500\nb;2,250\n", preprocessing)).tolist() == [[1.5], [2.25]]


def test_checkpoints_from_before_groups_were_known_are_read(tmp_path: Path) -> None:
    plain = Column("x", "number").plain()
    del plain["groups"]
    preprocessing = Preprocessing(Encoder((Column.from_plain(plain),), (Encoding("x"),)), np.zeros(1), np.ones(1), None)
    assert features(new_rows(tmp_path, "tag;x\na;1,500\nb;2,250\n", preprocessing)).tolist() == [[1500], [2250]]


def test_a_file_that_changes_between_its_readings_is_refused(tmp_path: Path) -> None:
    rows = new_rows(tmp_path, "x\n1.5\n2.5\n", plain_numbers(tmp_path))
    pieces = rows.pieces()
    next(pieces)
    (tmp_path / "new.csv").write_text("x\n1.5\n2.5\n7\n")
    with pytest.raises(ValueError, match="has changed while it was read"):
        list(pieces)
