"""Dirty tables become what scikit-learn and pandas make of them, prepared by hand, and so do the fits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression as Reference
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from datamodules import TabularDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.training import make_trainer

N, RARE = 400, 5


@pytest.fixture
def frame() -> pd.DataFrame:
    """Numbers and texts, of which some are missing and some rare, and the target."""
    generator = np.random.default_rng(0)
    age, dose = generator.normal(50, 10, N), generator.gamma(2, 3, N)
    town = generator.choice(["Oslo", "Bergen", "Voss", "Moss", "Odda", "Vik"], N, p=[0.4, 0.3, 0.282, 0.006, 0.006, 0.006])
    sex = generator.choice(["f", "m"], N)
    y = age + 3 * dose + 5 * (town == "Oslo") - 2 * (sex == "f") + generator.normal(0, 1, N)
    found = pd.DataFrame({"age": age, "dose": dose, "town": town, "sex": sex, "y": y})
    found.loc[generator.random(N) < 0.1, "dose"] = np.nan
    found.loc[generator.random(N) < 0.05, "town"] = None
    return found


def test_the_fit_is_that_of_scikit_learn_on_the_same_prepared_rows(tmp_path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(tmp_path / "table.csv", index=False)
    data = TabularDataModule(str(tmp_path / "table.csv"), "y")
    train, test = (frame.iloc[data.rows[part]] for part in ("train", "test"))
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(min_frequency=RARE, handle_unknown="infrequent_if_exist", sparse_output=False),
    )
    prepare = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), ["age", "dose"]), (categories, ["town", "sex"])
    )
    reference = make_pipeline(prepare, StandardScaler(), Reference()).fit(train, train["y"])
    model = LinearRegression(data.num_features, optimizer=Newton)
    trainer = make_trainer(20)
    trainer.fit(model, data)
    for part, rows in (("train", train), ("test", test)):
        ours = model.predict(data.splits[part][0].to(model.dtype)).detach().numpy()[:, 0]
        np.testing.assert_allclose(ours, reference.predict(rows), rtol=1e-9)
    assert data.feature_names == (
        "age", "dose", "dose=missing", "town=Bergen", "town=Voss", "town=other", "town=missing",
        f"sex={train['sex'].value_counts().idxmin()}",
    )  # fmt: skip


def test_each_thing_that_was_done_is_said(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Index, blanks, thousands, dates and all."""
    frame["id"] = [f"patient {i}" for i in range(N)]
    frame["fee"] = [f"$1,{i:03d}" for i in range(N)]
    frame["when"] = [f"{1 + i % 28:02}.{1 + i % 12:02}.2021" for i in range(N)]
    frame["centre"] = "north"
    frame["zip"] = [f"0{i % 3}" for i in range(N)]
    frame.loc[:2, "y"] = np.nan
    frame["dose"] = frame["dose"].map("{:.3f}".format).replace("nan", "?")
    frame.to_csv(tmp_path / "table.csv", sep=";", encoding="cp1252")
    data = TabularDataModule(str(tmp_path / "table.csv"), "y")
    said = "\n".join(data.report.lines(20))
    for part in (
        "read as: cells between semicolons",
        "number or name the rows: '', 'id'",
        "the same in all training rows: 'centre'",
        "numbers read from: 'fee' (signs of a currency, commas between thousands)",
        "taken for categories: 'zip' (zeros lead its numbers, as in postal codes)",
        "dates, used as days since 1970, year, month and weekday: 'when' (%d.%m.%Y)",
        "taken for missing values: '?' (",
        "rows left out: 3 without a target",
        "'dose' (",
        "pooled: 'town' (3 of 6)",
    ):
        assert part in said
    assert data.report.rows["read"] == N and data.report.rows["without a target"] == 3
    assert data.report.columns["when"].startswith("dates; ")
    values = dict(zip(data.feature_names, data.table.features.T, strict=True))
    kept = frame.iloc[3:]
    np.testing.assert_array_equal(values["fee"], 1000 + np.arange(3, N))
    np.testing.assert_array_equal(
        values["when (days)"], pd.to_datetime(kept["when"], format="%d.%m.%Y").astype("datetime64[s]").astype(int) / 86400
    )
    month = pd.to_datetime(kept["when"], format="%d.%m.%Y").dt.month_name().str[:3].to_numpy()
    weekday = pd.to_datetime(kept["when"], format="%d.%m.%Y").dt.day_name().str[:3].to_numpy()
    names = [name for name in data.feature_names if name.startswith("when (month)")]
    assert len(names) == 11 and "when (year)" not in values, "the year is the same in all"
    for name in names:
        np.testing.assert_array_equal(values[name], month == name[-3:])
    for name in (name for name in data.feature_names if name.startswith("when (weekday)")):
        np.testing.assert_array_equal(values[name], weekday == name[-3:])
