"""What people write into tables and how it is meant: each case was misread once."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datamodules import TabularDataModule

N = 100


def data(folder: Path, columns: dict[str, Any], sep: str = ",", **options: Any) -> TabularDataModule:
    frame = pd.DataFrame({**columns, **({} if "y" in columns else {"y": np.arange(N) ** 2})})
    frame.to_csv(folder / "t.csv", index=False, sep=sep)
    return TabularDataModule(str(folder / "t.csv"), "y", **options)


def said(module: TabularDataModule) -> str:
    return "\n".join(module.report.lines(20))


WEIGHTS = [f"{1 + i % 9},{137 * i % 1000:03d}" for i in range(N)]


def test_a_comma_in_a_file_of_semicolons_is_a_decimal_one(tmp_path: Path) -> None:
    found = data(tmp_path, {"kg": WEIGHTS}, ";")
    np.testing.assert_allclose(found.table.features[:, 0], [float(text.replace(",", ".")) for text in WEIGHTS])
    assert "decimal commas" in said(found)
    found = data(tmp_path, {"kg": WEIGHTS})
    assert found.table.features[:, 0].min() > 999 and "commas between thousands" in said(found), (
        "between commas it is in quotes"
    )
    found = data(tmp_path, {"kg": WEIGHTS}, decimal=",")
    assert found.table.features[:, 0].max() < 10
    found = data(tmp_path, {"kg": WEIGHTS, "m": [f"{i / 8:.1f}" for i in range(N)]}, ";")
    assert found.table.features[:, 0].min() > 999, "another column has decimal points"


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y"])
def test_days_that_do_not_exist_are_refused_with_their_row(tmp_path: Path, form: str) -> None:
    days = [date(2020, 1 + i % 12, 1 + i % 28).strftime(form) for i in range(N)]
    days[41] = date(2020, 1, 31).strftime(form).replace("01", "02", 1).replace("Jan", "Feb")
    with pytest.raises(ValueError, match=r"'d' holds dates \(.*\), but '.*' in row 42: correct it"):
        data(tmp_path, {"d": days}).setup("fit")
    assert len(data(tmp_path, {"d": days, "x": range(N)}, dates="text").feature_names) >= 1


def test_version_numbers_are_no_dates(tmp_path: Path) -> None:
    assert "dates" not in said(data(tmp_path, {"v": [f"1.{i % 3}.{i % 2}" for i in range(N)]}))


def test_dates_that_could_be_read_in_two_ways_say_so(tmp_path: Path) -> None:
    days = [f"{1 + i % 12}/{1 + i % 12}/2020" for i in range(N)]
    assert "the month first; dates=day_first otherwise" in said(data(tmp_path, {"d": days}))
    days[0] = "25/3/2020"
    assert "%d/%m/%Y)" in said(data(tmp_path, {"d": days}))


def test_dates_of_parquet_files_and_pooled_months_are_said(tmp_path: Path) -> None:
    days = [date(2020, 1 + (i > 95), 1 + i % 28) for i in range(N)]
    pd.DataFrame({"d": days, "y": np.arange(N) ** 2}).to_parquet(tmp_path / "t.parquet")
    assert "dates, used as days since 1970, year, month and weekday: 'd'" in said(
        TabularDataModule(str(tmp_path / "t.parquet"), "y")
    )
    with pytest.raises(ValueError, match="has dates: 'd'"):
        TabularDataModule(str(tmp_path / "t.parquet"), "y", strict=True).setup("fit")
    few = [date(2020, 1 + min(i, 3) if i < 4 else 5, 1 + i % 28) for i in range(N)]
    assert "'d (month)' (" in said(data(tmp_path, {"d": few}))


def test_a_factor_of_many_levels_is_kept(tmp_path: Path) -> None:
    plants = [f"plant {i % 25}" for i in range(N)]
    found = data(tmp_path, {"plant": plants, "x": range(N)})
    assert len(found.feature_names) > 15, "each has four rows"
    names = [f"name {i}" for i in range(N)]
    assert "no category has enough training rows: 'name' (100 texts in 60 rows)" in said(
        data(tmp_path, {"name": names, "x": range(N)})
    )
    assert len(data(tmp_path, {"name": names, "x": range(N)}, categorical=["name"]).feature_names) > 50, "who names it, gets it"
    assert "no category has enough training rows: 'plant'" in said(
        data(tmp_path, {"plant": plants, "x": range(N)}, rare_levels=5)
    )


def test_plus_and_minus_are_classes(tmp_path: Path) -> None:
    found = data(tmp_path, {"x": range(N), "y": ["-" if i % 3 else "+" for i in range(N)]})
    assert found.class_names == ("+", "-") and found.num_rows == N
    with pytest.raises(
        ValueError, match=r"one class only \('a'; '-' stand for missing values, unless not_missing names them\)"
    ):
        data(tmp_path, {"x": range(N), "y": ["-" if i % 3 else "a" for i in range(N)]}).setup("fit")
    found = data(tmp_path, {"x": range(N), "y": ["NA" if i % 3 else "EU" for i in range(N)]}, not_missing=["NA"])
    assert found.class_names == ("EU", "NA") and found.num_rows == N


def test_limits_of_detection_are_no_categories(tmp_path: Path) -> None:
    values = ["<0.5" if i % 5 == 0 else f"{i / 8:.2f}" for i in range(N)]
    with pytest.raises(ValueError, match=r"'x' holds numbers, but text in 20 of 100 rows \(first '<0.5', row 1\)"):
        data(tmp_path, {"x": values}).setup("fit")


def test_per_cent_signs_here_and_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="50 numbers with a per cent sign and 50 without: write them alike"):
        data(tmp_path, {"x": [f"{i}%" if i % 2 else f"{i / 100}" for i in range(N)]}).setup("fit")


def test_everything_that_is_read_into_a_number_is_said(tmp_path: Path) -> None:
    columns = {"gap": [f"1 {i:03d}" for i in range(N)], "x": [f"{i}.5" if i % 7 else "NaN" for i in range(N)]}
    text = said(data(tmp_path, columns))
    assert "'gap' (blanks or apostrophes between thousands)" in text
    assert "'NaN' (15 cells of 'x')" in text


def test_classes_keep_their_zeros(tmp_path: Path) -> None:
    assert data(tmp_path, {"x": range(N), "y": [f"00{i % 3}" for i in range(N)]}).class_names == ("000", "001", "002")


def test_identifiers_are_pointed_at(tmp_path: Path) -> None:
    found = data(tmp_path, {"patient_id": [7919 * (i + 3) % 100_003 for i in range(N)], "speed": range(N)})
    assert "to be excluded if they identify rows: 'patient_id'" in said(found) and "speed" not in said(found)
    assert set(found.feature_names) == {"patient_id", "speed"}


@pytest.mark.parametrize("is_mapped", [False, True])
def test_rows_of_a_test_file_are_accounted_for(tmp_path: Path, is_mapped: bool) -> None:
    lines = "".join(f"{i},{i % 7}.5\n" for i in range(30))
    (tmp_path / "test.csv").write_text("x,y\n" + lines + "3,\n")
    options = {"test_path": str(tmp_path / "test.csv"), "memory_map": str(tmp_path / "copy") if is_mapped else None}
    rows = data(tmp_path, {"x": np.arange(N) % 37}, **options).report.rows
    assert rows["read"] == N + 31 and rows["without a target"] == 1 and rows["test"] == 30
    assert rows["read"] == sum(count for name, count in rows.items() if name != "read")
