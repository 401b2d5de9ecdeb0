"""Random tables with every kind of dirt: none crashes, and what became of every row and column is said."""

import csv
import io
import random
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules import TabularDataModule
from datamodules.files import TableFile
from datamodules.tables.new_rows import NewRows

# What a cell of each kind of column may hold; what is not said to be dirt comes as often as all dirt together.
NUMBERS = ("1", "2.5", "-3e-2", "0", "17", "1000000")
MISSING = ("", "NA", "?", " ", "n/a", "-")
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "number": (NUMBERS, MISSING),
    "whole": (("1", "2", "3", "40"), MISSING),
    "comma": (("1,5", "2,25", "-3,1", "1.234,5"), MISSING),
    "money": (("$5", "$1,234.50", "-$3", "($7)"), MISSING),
    "percent": (("5%", "12.5 %", "-1%"), MISSING),
    "text": (("red", "green ", " blue", "red", "Ω, ß", 'say "hi"', "two\nlines"), MISSING),
    "truth": (("true", "FALSE", "True"), MISSING),
    "answer": (("yes", "no"), MISSING),
    "date": (("2020-01-31", "1999-12-01", "2021-02-28"), MISSING),
    "german": (("31.12.2020", "1.2.2021", "28.02.1999"), MISSING),
    "mixed": (("4", "r", "f", "4"), MISSING),
    "postcode": (("01234", "00001", "98765"), MISSING),
    "constant": (("7",), ("7",)),
    "nothing": (("",), ("NA",)),
    "slip": (("1.5", "2.5", "3.25"), ("oops",)),
    "infinite": (("1.5", "2.5"), ("inf",)),
    "huge": (("1.5", "1e200"), ("",)),
}
NAMES = ("", "a", "b ", "a", "x=1", "id", "weight [kg]", "ü", "column 2", "$10_$")


def table(kinds: list[str], names: list[str], rows: int, dirt: float, seed: int, delimiter: str) -> str:
    generator, text = random.Random(seed), io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    for row in range(rows):
        cells = []
        for kind in kinds:
            if kind == "distinct":
                cells.append(f"name {row}")
            elif kind == "number of the row":
                cells.append(str(row + 1))
            else:
                usual, dirty = KINDS[kind]
                cells.append(generator.choice(dirty if generator.random() < dirt else usual))
        writer.writerow(cells)
    return text.getvalue()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from([*KINDS, "distinct", "number of the row"]), min_size=1, max_size=6),
    goal=st.sampled_from(["number", "whole", "answer", "truth", "text", "comma", "mixed", "constant", "date"]),
    rows=st.integers(1, 70),
    dirt=st.sampled_from([0.0, 0.02, 0.2, 0.7]),
    seed=st.integers(0, 1000),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    missing=st.sampled_from(["impute", "drop", "refuse"]),
    task=st.sampled_from(["auto", "classification", "regression"]),
    strict=st.sampled_from([False, False, False, True]),
    test_fraction=st.sampled_from([0.0, 0.2]),
)
def test_every_row_and_column_is_accounted_for(
    tmp_path: Path, kinds: list[str], goal: str, rows: int, dirt: float, seed: int, delimiter: str, missing: str, task: str,
    strict: bool, test_fraction: float,
) -> None:  # fmt: skip
    names = [*random.Random(seed).sample(NAMES, len(kinds)), "goal"]
    path = tmp_path / "table.csv"
    path.write_text(table([*kinds, goal], names, rows, dirt, seed, delimiter), encoding="utf-8")
    data = TabularDataModule(
        str(path), "goal", missing=missing, task=task, strict=strict, test_fraction=test_fraction, val_fraction=0.1
    )  # type: ignore[arg-type]
    try:
        data.setup("fit")
    except ValueError as error:
        assert "\n" not in str(error) and ": " in str(error), "a refusal is one line"
        assert all(word not in str(error) for word in ("Traceback", "Error", "None", "nan "))
        return
    report, parts = data.report, {name: len(targets) for name, (_, targets) in data.splits.items()}
    used = sum(parts.values())
    lost = sum(report.rows.get(why, 0) for why in ("without a target", "with missing values"))
    assert used + lost == report.rows["read"] == rows
    assert (report.rows["training"], report.rows["validation"], report.rows["test"]) == tuple(parts.values())
    assert set(report.columns) == set(TableFile(path, wanted="goal").schema.names)
    sources = {encoding.column for encoding in data.preprocessing.encoder.encodings}
    assert all(("left out" in what) == (name not in sources) for name, what in report.columns.items() if name != "goal")
    features = np.concatenate([rows.numpy() for rows, _ in data.splits.values()])
    assert np.isfinite(features).all() and features.shape[1] == len(set(data.feature_names))
    assert np.ptp(data.splits["train"][0].numpy(), axis=0).min() > 0, "no feature is constant in training"
    if strict:
        assert not [line for line in report.lines() if not line.startswith("read as")]
        return
    again = NewRows(TableFile(path, wanted="goal"), data.preprocessing)
    if missing == "impute" and not lost:
        read = np.concatenate([part for part, _ in again.pieces()])
        order = np.concatenate(list(data.rows.values()))
        np.testing.assert_allclose(data.preprocessing.scaled(read)[order], features, rtol=1e-12, atol=1e-12)
