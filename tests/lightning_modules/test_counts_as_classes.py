"""Few different counts are classes to a data module that guesses, and a model of numbers says so."""

import numpy as np
import pytest

from datamodules import ArrayDataModule
from lightning_modules import LinearRegression, NegativeBinomialRegression, PoissonRegression
from lightning_modules.optimizers import Newton
from tests.training import make_trainer


@pytest.mark.parametrize("model", [PoissonRegression, NegativeBinomialRegression, LinearRegression])
def test_they_are_refused_unless_they_are_numbers(model: type) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(90, 2)), random.choice([0, 2, 10], 90)
    with pytest.raises(ValueError, match="read the targets as 3 classes: use its task='regression'"):
        make_trainer(1).fit(model(2, optimizer=Newton), ArrayDataModule(x, y))
    make_trainer(1).fit(model(2, optimizer=Newton), ArrayDataModule(x, y, task="regression"))
