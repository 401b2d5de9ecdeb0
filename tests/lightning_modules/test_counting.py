"""One is one: no message says "1 rows"."""

import numpy as np
import pytest
import torch

import datamodules.messages as of_data
from datamodules.tables.table import refuse_constant, refuse_not_finite
from lightning_modules.counting import are, counted
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli, Gaussian, Poisson
from lightning_modules.objectives.linear.linear_dependence import told_dependence
from lightning_modules.optimizers.ending import counted as when
from lightning_modules.optimizers.ending import ran_out


@pytest.mark.parametrize("counted", [counted, of_data.counted])
def test_a_noun_goes_with_its_number(counted: object) -> None:
    assert [counted(count) for count in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]  # type: ignore[operator]
    assert [counted(count, "class", "classes") for count in (1, 2)] == ["1 class", "2 classes"]  # type: ignore[operator]


def test_so_does_a_verb_and_a_sum_of_weights() -> None:
    assert counted(2.5) == "2.5 rows" and counted(1.0) == "1 row"
    assert [are(count) for count in (0, 1, 2)] == [of_data.are(count) for count in (0, 1, 2)] == ["are", "is", "are"]
    assert when(1, "epoch") == "after 1 epoch" and ran_out(3, "step").message == "all 3 steps done"


@pytest.mark.parametrize(
    ("family", "targets", "said"),
    [
        (Gaussian(1), [1.0, float("nan")], "1 target is not finite: remove that row"),
        (Gaussian(1), [float("inf"), float("nan")], "2 targets are not finite: remove those rows"),
        (Poisson(), [1.0, -1.0], "1 of 2 targets is unfit"),
        (Poisson(), [-1.0, -1.0], "2 of 2 targets are unfit"),
        (Bernoulli(), [0.0, 2.0], "1 of 2 targets is neither 0 nor 1"),
    ],
)
def test_refused_targets(family: object, targets: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GLMObjective(family, torch.ones(2, 1, dtype=torch.float64), torch.tensor(targets, dtype=torch.float64))  # type: ignore[arg-type]


def test_rows_and_targets_that_do_not_match() -> None:
    with pytest.raises(ValueError, match=r"^1 row of features but 2 targets:"):
        GLMObjective(Gaussian(1), torch.ones(1, 1), torch.ones(2))


def test_one_dependent_feature() -> None:
    rows = GLMObjective(Gaussian(1), torch.ones(1, 3), torch.ones(1)).rows
    assert told_dependence(rows, (2,)) == (
        "3 features, but 1 row to tell them apart by: 1 of 3 features depends linearly on the others (column 2)"
    )
    assert "2 of 3 features depend linearly on the others (columns 1, 2)" in told_dependence(rows, (1, 2))


def test_columns_of_a_table() -> None:
    with pytest.raises(
        ValueError,
        match=r"^1 column is constant: 'a'; leave it out, or give standardize=False, which keeps features as they are$",
    ):
        refuse_constant([0], ["a", "b"], "")
    with pytest.raises(ValueError, match=r"^1 value is missing or infinite, in column 'b' .1.: fill it in, drop that row, or"):
        refuse_not_finite(np.array([0, 1]), 1, ["a", "b"])
    with pytest.raises(
        ValueError, match=r"^3 values are missing or infinite, in columns .*: fill them in, drop those 2 rows, or"
    ):
        refuse_not_finite(np.array([2, 1]), 2, ["a", "b"])
