"""While the rows of a mapped file are summed over, few of its pages are held; and no number is lost."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lightning_modules.objectives import GLMObjective, mapped_pages, pieces
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.objectives.linear import row_chunks as rows_module
from lightning_modules.objectives.mapped_pages import MAPS, MappedPages
from tests.mapped_memory import STATUS, held_bytes

ROWS, HELD = 2**21, 2**22

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason=f"{sys.platform} does not tell which pages are held")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_pages, "HELD_BYTES", HELD)
    monkeypatch.setattr(rows_module, "TOUCHED_BYTES", 2**21)


def mapped(folder: Path, mode: Any) -> tuple[torch.Tensor, torch.Tensor]:
    path, generator = folder / "rows.npy", np.random.default_rng(0)
    x = generator.normal(size=(ROWS, 4))
    np.save(path, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.from_numpy(np.load(path, mmap_mode=mode)), torch.from_numpy((x[:, 0] > 0.3).astype(np.int64))


class Watched(Bernoulli):
    """Notes how much of the file is held whenever rows are at work."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.most = held_bytes(), 0

    def loss_and_gradient(self, z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.most = max(self.most, held_bytes() - self.before)
        return super().loss_and_gradient(z, y)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_sums_over_rows_hold_few_pages(k: int, tmp_path: Path, little: None) -> None:
    x, y = mapped(tmp_path, "r")
    theta = torch.full((5,), 0.1, dtype=torch.float64)
    expected = GLMObjective(Bernoulli(), x.clone(), y).every_kth(k).point(theta)
    _ = expected.gradient  # what is loaded only once, is
    MappedPages(x).give_back()
    family = Watched()
    point = GLMObjective(family, x, y).every_kth(k).point(theta)
    assert torch.equal(point.gradient, expected.gradient)
    assert 0 < family.most <= 4 * HELD
    assert torch.equal(point.curvature("hessian").matrix(), expected.curvature("hessian").matrix())
    assert point.distance.norm == expected.distance.norm
    assert held_bytes() - family.before <= 4 * HELD


def test_control_nothing_given_back_all_is_held(tmp_path: Path, little: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MappedPages, "give_back", lambda self: None)
    x, y = mapped(tmp_path, "r")
    before = held_bytes()
    _ = GLMObjective(Bernoulli(), x, y).point(torch.zeros(5, dtype=torch.float64)).gradient
    assert held_bytes() - before > 0.9 * x.nbytes > 10 * HELD


def test_pieces_are_all_rows_and_hold_few_pages(tmp_path: Path, little: None) -> None:
    x, y = mapped(tmp_path, "r")
    seen, most, before = [], 0, held_bytes()
    for part, labels in pieces(x, y):
        assert len(part) == len(labels)
        seen.append(float(part.sum()))
        most = max(most, held_bytes() - before)
    assert sum(seen) == pytest.approx(float(x.sum())) and most <= 4 * HELD
    assert [len(part) for (part,) in pieces(x[:0])] == [0]


@pytest.mark.parametrize("mode", ["c", None])
def test_numbers_that_no_file_has_are_never_given_back(mode: Any, tmp_path: Path, little: None) -> None:
    """Those of memory, and those of a copy-on-write map that were changed: to give these back would be to lose them."""
    x, _ = mapped(tmp_path, mode)
    x += 1
    expected = x.clone()
    pages = MappedPages(x)
    pages.was_read(x)
    pages.give_back()
    assert torch.equal(x, expected)
    assert not pages._ranges
    assert MappedPages(mapped(tmp_path, "r")[0])._ranges, "control"


class CountedMaps:
    """The kernel's list, and how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def exists(self) -> bool:
        return True

    def read_text(self) -> str:
        self.asked += 1
        return MAPS.read_text()


def test_the_kernel_is_asked_once_for_each_storage(tmp_path: Path, little: None, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = CountedMaps()
    monkeypatch.setattr(mapped_pages, "MAPS", maps)
    (x, _), own = mapped(tmp_path, "r"), torch.randn(ROWS, 4, dtype=torch.float64)
    for rows in (x, x[1:], own, own[1:]):
        MappedPages(rows).give_back()
    assert maps.asked == 2
    assert not torch.equal(x, own)
    own.untyped_storage().resize_(2 * own.nbytes)  # it lies somewhere else then
    MappedPages(own)
    assert maps.asked == 3
    del own
    kept = torch.ones(ROWS, 4, dtype=torch.float64)  # often where the one before was
    MappedPages(kept).give_back()
    assert maps.asked == 4
    assert kept.sum() == kept.numel()
