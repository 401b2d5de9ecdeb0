"""The table of coefficients: calm in 80 columns, whatever the units, and it says what they are."""

from typing import Any

import pytest
from command_line.coefficient_table import coefficient_table
from rich.console import Console

from lightning_modules.objectives.families import Bernoulli, Categorical, ComplementaryLogLog, Gaussian, Poisson, Probit

SURE = {"estimate": -1.23456e-05, "standard_error": 1.2345e-06, "low": -1.479e-05, "high": -9.9e-06, "p_value": 1.2345e-23}
BARE = dict.fromkeys(SURE) | {"estimate": 6.54321e12}


def shown(coefficients: dict[str, Any], width: int = 80, l2: float = 0.0, covariance: str = "observed") -> list[str]:
    console = Console(width=width, force_terminal=False, record=True, quiet=False)
    with console.capture() as capture:
        summary = {"coefficients": coefficients, "l2": l2, "covariance": covariance, "level": 0.95}
        console.print(coefficient_table(console, summary), highlight=False)
    return capture.get().splitlines()


def test_scaled_features_have_two_columns_of_numbers() -> None:
    table = {"worst fractal dim": {"own_units": SURE, "per_deviation": SURE | {"estimate": 0.5}}}
    lines = shown(table)
    assert max(map(len, lines)) <= 80
    assert (
        "own units" in lines[0]
        and "per standard deviation (s.d.)" in lines[0]
        and "95 % intervals see summary.json" in lines[1]
    )
    for number in ("-1.235e-05", "1.2e-06", "1.2e-23", "0.5"):
        assert sum(f" {number} " in line for line in lines) == 1, "each number whole, in one line"
    wide = "\n".join(shown(table, 120))
    assert "-1.48e-05 … -9.9e-06" in wide and "summary.json" not in wide


def test_other_features_have_one() -> None:
    text = "\n".join(shown({"age": {"own_units": SURE}}))
    assert "per s.d." not in text and "-1.48e-05 … -9.9e-06" in text


@pytest.mark.parametrize(
    ("family", "unit"),
    [
        (Gaussian(1), "the target's unit"),
        (Bernoulli(), "log-odds"),
        (Categorical(3), "log-odds"),
        (Poisson(), "logarithm of the mean"),
        (Probit(), "probits"),
        (ComplementaryLogLog(), "log-hazard"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_unit_is_said(family: Any, unit: str) -> None:
    console = Console(width=80, force_terminal=False)
    for units in (("own_units",), ("own_units", "per_deviation")):
        coefficients = {"age": dict.fromkeys(units, SURE)}
        summary = {"coefficients": coefficients, "covariance": "observed", "level": 0.95, "coefficient_unit": family.predictor}
        with console.capture() as capture:
            console.print(coefficient_table(console, summary), highlight=False)
        told = " ".join(capture.get().split("┏")[0].split())
        assert f"each in {unit} per own unit of its feature" in told
        assert (", or per s.d." in told) == (len(units) > 1)


def test_what_the_errors_are_of_is_said_where_it_is_another_than_usual() -> None:
    table = {"age": {"own_units": SURE}}
    assert "HC" not in "\n".join(shown(table)) and "standard errors by HC3" in "\n".join(shown(table, covariance="HC3"))
    assert "standard errors of the expected information" in "\n".join(shown(table, covariance="expected"))


def test_a_name_of_one_long_word_is_not_cut_while_there_are_columns_to_leave_out() -> None:
    name = "dose_of_the_substance_in_milligrams"
    lines = shown({name: {"own_units": SURE, "per_deviation": SURE | {"estimate": 0.5}}})
    assert max(map(len, lines)) <= 80 and any(f" {name} " in line and "-1.235e-05" in line for line in lines)
    assert "what is per s.d. see summary.json" in " ".join(lines)


def test_brackets_in_a_name_are_no_markup() -> None:
    assert any("length [cm]" in line for line in shown({"length [cm]": {"own_units": SURE}}))


def test_a_long_name_is_folded_and_no_number_is() -> None:
    name = "Iris-versicolor − Iris-setosa: length of the sepals (cm)"
    lines = shown({name: {"own_units": SURE, "per_deviation": SURE}})
    assert max(map(len, lines)) <= 80
    assert any("-1.235e-05" in line and "1.2e-23" in line and "…" not in line for line in lines)


@pytest.mark.parametrize("units", [("own_units",), ("own_units", "per_deviation")])
def test_a_penalty_leaves_estimates_and_says_so(units: tuple[str, ...]) -> None:
    lines = shown({"age": dict.fromkeys(units, BARE)}, l2=0.01)
    text = "\n".join(lines)
    assert "a penalty, l2 = 0.01, leaves no standard errors, intervals or p-values" in text
    assert text.count("6.543e+12") == len(units) and "None" not in text and "± s.e." not in text
    assert max(map(len, lines)) <= 80
