"""The dispersion of counts is estimated with the coefficients, within a fit by the Trainer as without."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules import ArrayDataModule
from lightning_modules import NegativeBinomialRegression
from lightning_modules.linear.count_dispersion import minimise_with_dispersion
from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import NegativeBinomial
from lightning_modules.optimizers import Newton
from tests.training import make_trainer


def counts(**options: Any) -> ArrayDataModule:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    mean = np.exp(0.5 + x @ [0.6, -0.4])
    y = rng.poisson(mean * rng.gamma(2.0, 0.5, 300)).astype(float)
    return ArrayDataModule(x, y, task="regression", val_fraction=0, test_fraction=0, standardize=False, **options)


def test_a_fit_ends_at_the_likeliest_coefficients_and_dispersion(tmp_path: Path) -> None:
    data, model = counts(), NegativeBinomialRegression(2, optimizer=Newton).double()
    keep = ModelCheckpoint(tmp_path, save_last=True)
    trainer = make_trainer(60, keep, enable_checkpointing=True)
    trainer.fit(model, data)
    x, y = data.splits["train"]
    start = GLMObjective(NegativeBinomial(1.0), x.double(), y)
    objective, found = minimise_with_dispersion(start, torch.zeros(3, dtype=torch.float64))
    assert isinstance(objective.family, NegativeBinomial)
    assert model.convergence().status == "converged" and trainer.current_epoch < 60
    assert model.dispersion == pytest.approx(objective.family.dispersion, rel=1e-7)
    theta = torch.cat([model.linear.weight.flatten(), model.linear.bias]).detach()
    torch.testing.assert_close(theta, found.theta, rtol=0, atol=1e-8)
    statistics = model.fit_statistics()
    assert statistics is not None and statistics.num_coefficients == 4 and statistics.alpha == model.dispersion
    loaded = NegativeBinomialRegression.load_from_checkpoint(keep.last_model_path, optimizer=Newton)
    assert loaded.dispersion == model.dispersion
    batch = (x.double(), y)
    assert torch.equal(loaded.double().evaluate(batch)["value"], model.evaluate(batch)["value"])


def test_a_given_dispersion_stays() -> None:
    model = NegativeBinomialRegression(2, dispersion=0.3, optimizer=Newton).double()
    make_trainer(30).fit(model, counts())
    assert model.dispersion == 0.3 and math.exp(float(model.log_dispersion)) == pytest.approx(0.3)


@pytest.mark.parametrize("attack", ["mini-batches", "torch.optim"])
def test_who_cannot_estimate_it_says_so_before_the_first_step(attack: str) -> None:
    data = counts(batch_size=50) if attack == "mini-batches" else counts()
    optimizer = Newton if attack == "mini-batches" else lambda parameters: torch.optim.SGD(parameters, lr=0.1)
    model = NegativeBinomialRegression(2, optimizer=optimizer)
    with pytest.raises(ValueError, match="use Newton and no batch_size, or give a dispersion"):
        make_trainer(3).fit(model, data)
    assert not bool(model.linear.weight.any())


@pytest.mark.parametrize("epochs", [3, 4, 5, 7])
def test_coefficients_of_an_alpha_that_is_not_the_likeliest_are_no_optimum(epochs: int) -> None:
    """Whenever the epochs run out before α stays, also where the coefficients are at their optimum for the present one."""
    model = NegativeBinomialRegression(2, optimizer=Newton).double()
    make_trainer(epochs).fit(model, counts())
    verdict, settled = model.convergence(), NegativeBinomialRegression(2, optimizer=Newton).double()
    make_trainer(60).fit(settled, counts())
    if abs(math.log(model.dispersion / settled.dispersion)) > 1e-5:
        assert verdict.status != "converged", (epochs, verdict)
    assert abs(math.log(model.dispersion / settled.dispersion)) > 1e-5 or epochs > 4


def test_counts_without_more_variance_than_poissons_are_told_so() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.binomial(8, 0.5, 200).astype(float)
    data = ArrayDataModule(x, y, task="regression", val_fraction=0, test_fraction=0, standardize=False)
    model = NegativeBinomialRegression(2, optimizer=Newton).double()
    make_trainer(60).fit(model, data)
    verdict = model.convergence()
    assert verdict.status == "converged" and "no more than Poisson's" in verdict.message
