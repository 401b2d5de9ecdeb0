"""Rows are drawn for the parts while they go by."""

import numpy as np

from datamodules.mapped.sequential_split import SequentialSplit


def test_every_row_is_as_likely_in_every_part_wherever_pieces_end() -> None:
    rows, repeats = 12, 4000
    taken = np.zeros((3, rows))
    for seed in range(repeats):
        split = SequentialSplit([rows], 0.25, 0.25, seed, None)
        parts = np.concatenate([split.parts(np.zeros(m, np.int64)) for m in (1, 5, 2, 4)])
        assert np.bincount(parts).tolist() == [6, 3, 3]
        taken[parts, np.arange(rows)] += 1
    expected = np.array([[0.5], [0.25], [0.25]])
    deviation = (taken / repeats - expected) / np.sqrt(expected * (1 - expected) / repeats)
    assert np.abs(deviation).max() < 4.5
    assert np.corrcoef(taken[1], np.arange(rows))[0, 1] ** 2 < 0.7


def test_the_split_depends_on_the_seed_only() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 500)
    drawn = [SequentialSplit(np.bincount(labels).tolist(), 0.2, 0.2, seed, None).parts(labels) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
