"""The confusion matrix counts rows by their weights."""

import torch
from pytorch_lightning import Trainer

from callbacks import ConfusionMatrix
from lightning_modules import MLP
from lightning_modules.optimizers import Newton
from tests.row_data import RowData


def counts_of(*rows: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    confusion = ConfusionMatrix()
    model = MLP((3, 3), optimizer=Newton)
    Trainer(logger=False, enable_progress_bar=False, callbacks=[confusion]).test(model, RowData(*rows), verbose=False)
    assert confusion.counts is not None
    return confusion.counts


def test_a_row_of_weight_two_is_counted_twice() -> None:
    x, y, weights = torch.randn(50, 3), torch.randint(3, (50,)), torch.randint(1, 4, (50,))
    repeated = counts_of(x.repeat_interleave(weights, 0), y.repeat_interleave(weights))
    assert counts_of(x, y, weights.float()).tolist() == repeated.tolist() != counts_of(x, y).tolist()
