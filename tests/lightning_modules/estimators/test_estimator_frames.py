"""Frames: numbers, texts and categories."""

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lightning_modules.estimators import NewtonClassifier, NewtonRegressor

TOWNS = ["Ulm", "Bonn", "Ulm", "Kiel", "Ulm", "Bonn", "Kiel", "Ulm", "Bonn", "Kiel"]


def frame(**others: Any) -> pd.DataFrame:
    columns = {"age": [23, 45, 31, 60, 52, 38, 41, 29, 35, 57], "town": TOWNS, "member": [True, False] * 5}
    return pd.DataFrame({**columns, **others})


TARGET = np.array([1.0, 3.5, 2.0, 6.0, 4.5, 3.0, 4.0, 2.5, 3.2, 5.1])


def test_texts_become_indicators_beside_the_most_frequent_one() -> None:
    fitted = NewtonRegressor().fit(frame(), TARGET)
    assert_array_equal(fitted.feature_names_in_, ["age", "town", "member"])
    assert fitted.n_features_in_ == 3
    names = fitted.get_feature_names_out()
    assert_array_equal(names, ["age", "town_Bonn", "town_Kiel", "member"])
    by_hand = np.stack([frame()["age"], *(frame()["town"] == town for town in ("Bonn", "Kiel")), frame()["member"]], 1)
    assert_allclose(fitted.coef_, NewtonRegressor().fit(by_hand.astype(float), TARGET).coef_, rtol=1e-12)
    assert_allclose(fitted.predict(frame()), NewtonRegressor().fit(by_hand.astype(float), TARGET).predict(by_hand), rtol=1e-12)
    assert list(fitted.summary().frame().index) == [*names, "intercept"]


@pytest.mark.parametrize(
    "town",
    [
        pd.Categorical(TOWNS, categories=["Aix", "Bonn", "Kiel", "Ulm"]),  # a level without rows has no indicator
        pd.array(TOWNS, dtype="string"),
        np.array(TOWNS, dtype=object),
    ],
)
def test_every_kind_of_text_is_one(town: Any) -> None:
    fitted = NewtonRegressor().fit(frame(town=town), TARGET)
    assert_array_equal(fitted.coef_, NewtonRegressor().fit(frame(), TARGET).coef_)


def test_numbers_that_are_categories() -> None:
    stage = pd.Categorical([1, 2, 3, 1, 1, 2, 3, 1, 2, 1])
    fitted = NewtonRegressor().fit(frame(stage=stage)[["stage"]], TARGET)
    assert_array_equal(fitted.get_feature_names_out(), ["stage_2", "stage_3"])
    means = [TARGET[np.asarray(stage) == level].mean() for level in (1, 2, 3)]
    assert_allclose(fitted.intercept_, means[0])
    assert_allclose(fitted.predict(pd.DataFrame({"stage": [3, 2]})), [means[2], means[1]])


def test_objects_that_are_numbers_stay_numbers() -> None:
    as_objects = frame().astype({"age": object})
    assert_array_equal(NewtonRegressor().fit(as_objects, TARGET).coef_, NewtonRegressor().fit(frame(), TARGET).coef_)


def test_a_level_that_no_training_row_had_is_told_and_counts_as_the_reference() -> None:
    fitted = NewtonRegressor().fit(frame(), TARGET)
    new = frame(town=["Ulm"] * 8 + ["Paris", None])
    told = (
        r"column 'town': 2 rows have levels that no training row had \('Paris', \w+\); they count as 'Ulm', the most frequent"
    )
    with pytest.warns(UserWarning, match=told):
        found = fitted.predict(new)
    assert_array_equal(found, fitted.predict(frame(town="Ulm")))


def test_missing_texts_are_a_level() -> None:
    town = [None, *TOWNS[1:4], None, *TOWNS[5:]]
    fitted = NewtonRegressor().fit(frame(town=town), TARGET)
    assert_array_equal(fitted.get_feature_names_out(), ["age", "town_Kiel", "town_Ulm", "town_nan", "member"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(frame(town=None))


def test_the_reference_is_the_most_frequent_by_weight() -> None:
    weights = np.where(np.array(TOWNS) == "Kiel", 5, 1) * (np.array(TOWNS) != "Bonn")
    weighted = NewtonRegressor().fit(frame(), TARGET, sample_weight=weights)
    assert_array_equal(weighted.get_feature_names_out(), ["age", "town_Ulm", "member"])
    rows = np.repeat(np.arange(10), weights)
    repeated = NewtonRegressor().fit(frame().iloc[rows], TARGET[rows])
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-12)


def test_frames_of_other_libraries() -> None:
    table = pa.Table.from_pandas(frame())
    fitted = NewtonRegressor().fit(table, TARGET)
    assert_array_equal(fitted.coef_, NewtonRegressor().fit(frame(), TARGET).coef_)
    assert_array_equal(fitted.predict(table), fitted.predict(frame()))


def test_names_that_are_no_texts() -> None:
    numbered = frame().set_axis([0, 1, 2], axis=1)
    fitted = NewtonRegressor().fit(numbered, TARGET)
    assert not hasattr(fitted, "feature_names_in_")
    assert_array_equal(fitted.get_feature_names_out(), ["x0", "x1_Bonn", "x1_Kiel", "x2"])


REFUSED = {
    "column 'age' has 1 missing value (NaN): fill it in": (frame(age=[np.nan, *range(9)]), None),
    "column 'town' mixes texts and numbers": (frame(town=[1, 2, *TOWNS[2:]]), None),
    "column 'born' holds datetime64": (frame(born=pd.date_range("2020-01-01", periods=10)), None),
    "column 'born' holds date, which": (frame(born=pd.date_range("2020-01-01", periods=10).date), None),
    "frame with texts or categories in 'town'": (frame(), np.zeros((2, 3))),
    "column 'age' held numbers in training": (frame(), frame(age="old")),
    "feature names should match": (frame(), frame().rename(columns={"town": "city"})),
    "is expecting 3 features": (frame().set_axis([0, 1, 2], axis=1), frame().set_axis([0, 1, 2], axis=1)[[0, 1]]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_refusal_names_the_column(message: str) -> None:
    training, new = REFUSED[message]
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        NewtonRegressor().fit(training, TARGET).predict(new)
    assert "feature names" in message or "\n" not in str(refused.value)


def test_a_column_of_names_is_refused() -> None:
    people = pd.DataFrame({"name": [f"person {number}" for number in range(1001)]})
    with pytest.raises(ValueError, match="column 'name' has 1001 different levels in 1001 rows, more than 1000: leave it out"):
        NewtonClassifier().fit(people, np.arange(1001) % 2)
