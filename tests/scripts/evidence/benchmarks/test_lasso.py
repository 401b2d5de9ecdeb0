"""Small lassos: peers are found, checked and timed; one that ends elsewhere is none."""

import numpy as np
import pytest
from evidence.benchmarks import lasso
from evidence.benchmarks.pairing import Budget
from evidence.benchmarks.row import BenchmarkRow

# As in a section: who stops before the tolerance says so, and where it ended is looked at instead.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_row_or_a_remark_for_each() -> None:
    given = list(lasso.time_to_sparse_optimum((2000, 8), (60, 40), budget=Budget(2, 2)))
    assert len(given) == lasso.NUM_ROWS
    rows = [each for each in given if isinstance(each, BenchmarkRow)]
    names = [each.case if isinstance(each, BenchmarkRow) else each for each in given]
    starts = ["Gaussian lasso, 2 000 × 8", "logistic lasso", "Poisson lasso", "Gaussian lasso, path of 100, 60 × 40"]
    assert all(name.startswith(start) for name, start in zip(names, starts, strict=True))
    assert {"Gaussian lasso, 2 000 × 8", starts[-1]} <= {row.case for row in rows}
    assert all(len(row.ours) == len(row.theirs) == 2 and row.peer for row in rows)


@pytest.mark.parametrize(
    ("factor", "words"), [(0.9, "no peer reaches an objective within 1e-08"), (None, "is lower by more than 1e-8")]
)
def test_peers_are_checked(factor: float | None, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = lasso._ours

    monkeypatch.setattr(lasso, "_peers", lambda case: {"nobody": lambda _: ours(case) * (factor or 1.0)})
    if factor is None:
        monkeypatch.setattr(lasso, "_ours", lambda case: np.full_like(ours(case), 0.5))
    with pytest.raises(ArithmeticError, match=words):
        next(lasso.time_to_sparse_optimum((500, 4), budget=Budget(1, 1)))
