"""Rows are drawn for the parts while they go by."""

import numpy as np
import pytest

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


NAMES = ("a", "b", "c")


def test_a_class_with_too_few_rows_is_in_training_whole_unless_strict() -> None:
    split = SequentialSplit([20, 2, 1], 0.2, 0.2, 0, NAMES, strict=False)
    parts = split.parts(np.repeat([0, 1, 2], [20, 2, 1]))
    assert np.bincount(parts[:20]).tolist() == [12, 4, 4] and not parts[20:].any() and split.sizes.tolist() == [15, 4, 4]
    with pytest.raises(ValueError, match="2 rows of class 'b' leave none for training"):
        SequentialSplit([20, 2, 1], 0.2, 0.2, 0, NAMES)


def test_where_there_are_enough_rows_strict_changes_nothing() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 500)
    lenient, strict = (SequentialSplit(np.bincount(labels).tolist(), 0.2, 0.2, 0, NAMES, strict) for strict in (False, True))
    assert np.array_equal(lenient.parts(labels), strict.parts(labels))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("counts", "names"), [([2], None), ([2, 1, 2], NAMES)])
def test_nothing_for_a_part_is_refused(counts: list[int], names: tuple[str, ...] | None, strict: bool) -> None:
    with pytest.raises(ValueError, match="leave none for training"):
        SequentialSplit(counts, 0.2, 0.2, 0, names, strict)


def test_no_test_rows() -> None:
    split = SequentialSplit([10, 1], 0.2, 0.0, 0, ("a", "b"), strict=False)
    assert split.sizes.tolist() == [9, 2, 0]
