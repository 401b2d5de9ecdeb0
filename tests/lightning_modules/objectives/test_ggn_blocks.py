"""The blocks of a network's Gauss–Newton matrix that belong to single layers."""

import pytest
import torch

from lightning_modules.objectives import Objective, network_objective
from tests.lightning_modules.objectives.network_cases import LOSSES, assert_relatively_close, make_case

each_loss = pytest.mark.parametrize("loss", LOSSES)
each_kind = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


@each_loss
@each_kind
def test_the_blocks_are_those_of_the_gauss_newton_matrix(loss: str, residual: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case((3, 4, 4, 2), loss=loss, residual=residual, rows=7, l2=0.2)
    objective, theta = case.objective(), case.vector()
    ggn, start = Objective.ggn(objective, theta), 0
    blocks = objective.ggn_blocks(theta)
    assert [len(block) for block in blocks[:2]] == [16, 20]
    for block in blocks:
        own = slice(start, start + len(block))
        assert_relatively_close(block, ggn[own, own])
        start += len(block)
    assert start == len(theta)
    monkeypatch.setattr(network_objective, "JACOBIAN_NUMBERS", 1)
    for chunked, block in zip(case.objective().ggn_blocks(theta), blocks, strict=True):
        assert_relatively_close(chunked, block, tolerance=1e-12)


def test_blocks_of_layers_are_not_the_whole_matrix() -> None:
    """Negative control: what couples the layers is not small."""
    case = make_case((3, 4, 2), rows=7)
    objective, theta = case.objective(), case.vector()
    ggn = objective.ggn(theta)
    assert (torch.block_diag(*objective.ggn_blocks(theta)) - ggn).norm() > 0.1 * ggn.norm()


def test_blocks_that_do_not_fit_are_refused_with_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case((784, 512, 128, 2), rows=2)
    with pytest.raises(ValueError, match=r"401920, 65664, 258 parameters take 1,235\.7 GiB, more than 4 GiB: use ggn_diagonal"):
        case.objective().ggn_blocks(case.vector())
    small = make_case((1, 1), rows=2)
    monkeypatch.setattr(network_objective, "BLOCKS_BYTES", 4 * 8)
    assert small.objective().ggn_blocks(small.vector())[0].shape == (2, 2)
    monkeypatch.setattr(network_objective, "BLOCKS_BYTES", 4 * 8 - 1)
    with pytest.raises(ValueError, match="GiB"):
        small.objective().ggn_blocks(small.vector())
