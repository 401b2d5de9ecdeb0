"""The rows of tables with categories: all get the same table, and end at the same optimum."""

import numpy as np
import pytest
import torch
from evidence.benchmarks import categories
from evidence.benchmarks.categories import table, time_to_optimum_of_categories
from evidence.benchmarks.pairing import Budget

from lightning_modules.objectives.families import Bernoulli

# As in a section: who stops before the tolerance says so, and where it ended is looked at instead.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_rows_of_a_smaller_table() -> None:
    rows = list(time_to_optimum_of_categories(3000, budget=Budget(2, 2)))
    assert len(rows) == categories.NUM_ROWS
    assert all(len(row.ours) == len(row.theirs) == 2 for row in rows)


def test_everybody_has_the_same_features() -> None:
    data = table(Bernoulli(), 500)
    np.testing.assert_array_equal(data.columns.expanded(data.stored).numpy(), data.sparse.toarray())


def test_a_peer_that_is_not_there_yet_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    start = torch.zeros(149, dtype=torch.float64)
    monkeypatch.setattr(categories, "_peers", lambda *_: {"nobody": lambda _: start})
    with pytest.raises(ArithmeticError, match="no peer reaches"):
        next(time_to_optimum_of_categories(3000, budget=Budget(1, 1)))
