"""The rows of tables with categories: all get the same table, and end at the same optimum."""

from functools import partial

import numpy as np
import pytest
import torch
from evidence.benchmarks import categories
from evidence.benchmarks.categories import table, time_to_optimum_of_categories

from lightning_modules.objectives.families import Bernoulli


def test_rows_of_a_smaller_table() -> None:
    rows = list(time_to_optimum_of_categories(3000, rounds=2))
    assert len(rows) == categories.NUM_ROWS
    assert all(len(row.ours) == len(row.theirs) == 2 for row in rows)


def test_everybody_has_the_same_features() -> None:
    data = table(Bernoulli(), 500)
    np.testing.assert_array_equal(data.columns.expanded(data.stored).numpy(), data.sparse.toarray())


def test_a_peer_that_is_not_there_yet_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    start = torch.zeros(149, dtype=torch.float64)
    monkeypatch.setattr(categories, "_peers", lambda *_: iter([("nobody", partial(torch.clone, start))]))
    with pytest.raises(ArithmeticError, match="no peer reaches"):
        next(time_to_optimum_of_categories(3000, rounds=1))
