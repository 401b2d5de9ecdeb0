"""The section on estimators: only equal answers are timed."""

import pytest
from evidence.benchmarks import estimators
from evidence.benchmarks.pairing import Budget
from sklearn.datasets import load_wine


def test_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "BUDGET", Budget(3, 3))
    monkeypatch.setattr(estimators, "TABLES", {"wine": load_wine})
    standardised, raw = estimators.time_small_fits("")
    assert standardised.case == "wine, standardised" and raw.case == "wine, as it is"
    assert len(raw.ours) == len(raw.theirs) == 3 and min(raw.ours) > 0


def test_another_answer_is_not_timed() -> None:
    with pytest.raises(ArithmeticError, match="the objectives differ by -"):
        estimators.both("wine", load_wine(return_X_y=True), tolerance=1.0)
