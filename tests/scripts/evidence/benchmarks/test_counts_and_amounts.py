"""Small regressions of counts and amounts: the peers are found, checked and timed."""

import pytest
from evidence.benchmarks import counts_and_amounts
from evidence.benchmarks.counts_and_amounts import REGRESSIONS, time_to_optimum_of_counts
from evidence.benchmarks.pairing import Budget

# As in a section: who stops before the tolerance says so, and where it ended is looked at instead.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_regression_has_a_row() -> None:
    rows = list(time_to_optimum_of_counts((4000, 3), budget=Budget(2, 2)))
    assert [row.case for row in rows] == [f"{name}, 4 000 × 3: Newton" for name in REGRESSIONS]
    assert all(row.peer.startswith(("scikit-learn", "glum")) and len(row.ours) == len(row.theirs) == 2 for row in rows)
    assert len(rows) == counts_and_amounts.NUM_ROWS


def test_a_peer_that_is_not_at_the_optimum_is_no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    start = counts_and_amounts.torch.zeros(4, dtype=counts_and_amounts.torch.float64)
    monkeypatch.setattr(counts_and_amounts, "_peers", lambda *_: {"nobody": lambda _: start})
    with pytest.raises(ArithmeticError, match="no peer reaches a gradient of 1e-08"):
        list(time_to_optimum_of_counts((4000, 3), budget=Budget(1, 1)))
