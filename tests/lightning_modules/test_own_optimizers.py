"""A `configure_optimizers` of one's own: what counts is the optimizer that it makes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

from lightning_modules import MLP
from lightning_modules.optimizers import Newton

SGD = partial(torch.optim.SGD, lr=0.1)


def fit(make: Callable[[Any], Any], optimizer: Any, **settings: Any) -> None:
    class Own(MLP):
        def configure_optimizers(self) -> Any:
            return make(list(self.parameters()))

    torch.manual_seed(0)
    rows = DataLoader(TensorDataset(torch.randn(20, 3), torch.arange(20) % 2), batch_size=10)
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", max_epochs=1, precision="64-true", enable_model_summary=False, **quiet, **settings)
    trainer.fit(Own(widths=[3, 4, 2], optimizer=optimizer), rows)


@pytest.mark.parametrize(
    "make, count",
    [
        (lambda parameters: [SGD(parameters[:2]), SGD(parameters[2:])], "2 optimizers"),
        (lambda parameters: None, "no optimizer"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*this fit will run with no optimizer")
def test_other_than_one_optimizer(make: Callable[[Any], Any], count: str) -> None:
    with pytest.raises(ValueError, match=f"configure_optimizers of Own makes {count}, and a fit here is by one"):
        fit(make, Newton)


@pytest.mark.parametrize("settings", [{"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.1}])
def test_settings_are_held_against_the_optimizer_that_was_made(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be with Newton"):
        fit(Newton, SGD, **settings)
