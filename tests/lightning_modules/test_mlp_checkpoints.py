"""Checkpoints of networks: plain values, the same model, the same run to the last bit."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules import IrisDataModule
from lightning_modules.optimizers import Newton
from tests.lightning_modules.networks_at_hand import KINDS, made
from tests.lightning_modules.recorded_steps import Checkpoints
from tests.training import METHODS, make_trainer

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_a_checkpoint_holds_plain_values_and_rebuilds_the_model(kind: str, tmp_path: Path) -> None:
    data, model = IrisDataModule(), made(kind, Newton, output_activation="tanh", initialization=0.3, schedule="cosine")
    checkpoint = ModelCheckpoint(tmp_path, save_last=True)
    make_trainer(3, checkpoint, enable_checkpointing=True).fit(model, data)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"] == {
        "widths": model.network.widths,
        "activation": "tanh",
        "initialization": 0.3,
        "loss": "cross_entropy",
        "l2": 1e-3,
        "output_activation": "tanh",
        "schedule": "cosine",
    }
    loaded = type(model).load_from_checkpoint(tmp_path / "last.ckpt", optimizer=Newton)
    features = data.splits["test"][0]
    assert torch.equal(loaded(features), model(features))


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("method", ["newton", "newton_cg", "diagonal_newton", "gradient_descent", "adam", "sgd_nesterov"])
def test_a_run_that_was_interrupted_resumes_to_the_last_bit(method: str, schedule: str, tmp_path: Path) -> None:
    """Mini-batches, from weights drawn anew: averaged curvature, momentum, damping and step size all come back."""
    path, options = tmp_path / "half.ckpt", {"schedule": schedule}
    whole = Checkpoints(path, 2)
    make_trainer(6, whole).fit(made("mlp", METHODS[method], **options), IrisDataModule(batch_size=20))
    steps = len(whole.thetas) // 2
    resumed, model = Checkpoints(), made("mlp", METHODS[method], seed=1, **options)
    make_trainer(6, resumed).fit(model, IrisDataModule(batch_size=20), ckpt_path=str(path), weights_only=True)
    assert len(resumed.thetas) == steps
    for found, expected in zip(resumed.thetas, whole.thetas[steps:], strict=True):
        assert torch.equal(found, expected)
    assert resumed.lrs == whole.lrs[steps:]
