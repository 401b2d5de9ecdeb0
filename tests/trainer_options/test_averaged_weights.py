"""Where a callback averages the weights, those that are tested are those that are kept."""

import json
from pathlib import Path

import pytest
import torch

from datamodules import IrisDataModule
from lightning_modules import SoftmaxRegression
from tests.trainer_options.fuzz_run import ended
from tests.trainer_options.global_state import same_process_after
from tests.training import make_trainer

AVERAGES = {
    "none": [],
    "StochasticWeightAveraging": ["--trainer.callbacks.swa_lrs=0.1", "--trainer.callbacks.swa_epoch_start=1"],
    "EMAWeightAveraging": ["--trainer.callbacks.decay=0.9"],
    "WeightAveraging": [],
}


@pytest.mark.parametrize("name", AVERAGES)
def test_a_checkpoint_holds_what_was_tested(name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    classes = [
        "--data=IrisDataModule",
        "--data.batch_size=30",
        "--model=SoftmaxRegression",
        "--model.optimizer=torch.optim.SGD",
    ]
    callback = [] if name == "none" else [f"--trainer.callbacks={name}", *AVERAGES[name]]
    line = [f"--trainer.default_root_dir={root}", *classes, "--model.optimizer.lr=0.5", *callback]
    end = ended([*line, "--trainer.max_epochs=5"], root)
    assert end.status == 0 and not end.fault, end.fault or end.said
    kept = next(iter([*root.rglob("final.ckpt"), *root.rglob("last.ckpt")]))
    assert (kept.name == "final.ckpt") is (name == "StochasticWeightAveraging"), "the others average before it is written"
    summary = json.loads((kept.parents[1] / "summary.json").read_text())
    model = SoftmaxRegression.load_from_checkpoint(kept)
    with same_process_after():
        (tested,) = make_trainer(1).test(model, IrisDataModule(batch_size=30), verbose=False)
    assert tested["test/loss"] == pytest.approx(summary["test/loss"], rel=1e-12)
    assert torch.get_default_dtype() == torch.float32
