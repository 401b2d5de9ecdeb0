"""A module of somebody's own is not made by predict.py, which says how rows are predicted from Python instead."""

from pathlib import Path

import fit
import numpy as np
import predict
import pytest
import torch
from torch import nn

from datamodules import TabularDataModule
from lightning_modules import TorchModel
from lightning_modules.optimizers import Newton

LINEAR = "{class_path: torch.nn.Linear, init_args: {in_features: 2, out_features: 1}}"


@pytest.mark.filterwarnings("ignore:GPU available")
def test_what_it_says_predicts_rows_as_they_are_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(50, 100, (60, 2))
    y = x @ [2.0, -1.0] + 7
    np.savetxt("table.csv", np.column_stack([x, y]), delimiter=",", header="a,b,y", comments="", fmt="%.17g")
    data = ["--data=TabularDataModule", "--data.path=table.csv", "--data.target=y"]
    model = ["--model=TorchModel", f"--model.module={LINEAR}", "--model.loss=mse", "--model.optimizer=Newton"]
    fit.main([*data, *model])
    (last,) = Path("logs").rglob("last.ckpt")
    with pytest.raises(ValueError, match=r"model\.predict\(data\.scaled\(features\)\) .* data = TabularDataModule\.load_from"):
        predict.main(["--ckpt", str(last), "--data", "table.csv"])
    fitted = TorchModel.load_from_checkpoint(last, module=nn.Linear(2, 1), num_outputs=1, optimizer=Newton)
    scaled = TabularDataModule.load_from_checkpoint(last, weights_only=True).scaled(x)
    with torch.no_grad():
        found = fitted.predict(scaled.to(fitted.dtype)).flatten()
    np.testing.assert_allclose(found.numpy(), y, rtol=1e-3, atol=1e-3 * np.abs(y).max())
