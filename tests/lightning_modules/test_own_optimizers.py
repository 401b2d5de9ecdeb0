"""A `configure_optimizers` of one's own: what counts is the optimizer that it makes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.objectives import ModuleObjective
from lightning_modules.optimizers import Newton
from tests.training import make_trainer

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


@pytest.mark.parametrize("given, made", [(SGD, Newton), (Newton, SGD)])
def test_the_model_is_given_the_method_that_it_makes(given: Any, made: Any) -> None:
    """For whose step it is is decided, and settings are refused, before an optimizer is made."""
    with pytest.raises(ValueError, match=r"configure_optimizers of Own makes .*, and the model was given"):
        fit(made, given)


def test_a_parameter_that_the_loss_does_not_use_is_left_alone() -> None:
    """By weight decay too, as in any LightningModule, where such a parameter has no gradient."""

    class Unused(MLP):
        def __init__(self, optimizer: Any) -> None:
            super().__init__([3, 4, 2], optimizer=optimizer)
            self.unused = torch.nn.Linear(2, 2)

        def objective(self, batch: Any) -> Any:
            return ModuleObjective(self, total, batch, len(batch[0]), self.reduction)

    def total(module: Unused, batch: Any) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(module.network(batch[0]), batch[1], reduction="sum")

    for optimizer in (partial(SGD, weight_decay=0.1), torch.optim.AdamW, partial(Newton, curvature="hessian")):
        torch.manual_seed(0)
        model = Unused(optimizer)
        before = {name: p.detach().double().clone() for name, p in model.named_parameters()}
        rows = DataLoader(TensorDataset(torch.randn(20, 3).double(), torch.arange(20) % 2), batch_size=20)
        make_trainer(3).fit(model, rows)
        still = {name for name, p in model.named_parameters() if torch.equal(p.detach(), before[name])}
        assert still == {"unused.weight", "unused.bias"}


def test_a_fit_goes_on_with_the_method_it_began_with(tmp_path: Path) -> None:
    data = IrisDataModule()
    trainer = make_trainer(1)
    trainer.fit(MLP([4, 4, 3], optimizer=SGD), data)
    trainer.save_checkpoint(path := tmp_path / "sgd.ckpt")
    for other in (torch.optim.Adam, torch.optim.LBFGS, Newton):
        with pytest.raises(ValueError, match=f"a fit by SGD, and this one is by {other.__name__}"):
            make_trainer(2).fit(MLP([4, 4, 3], optimizer=other), data, ckpt_path=path, weights_only=True)
    (tested,) = make_trainer(1).test(MLP([4, 4, 3], optimizer=Newton), data, ckpt_path=path, weights_only=True, verbose=False)
    assert tested["test/loss"] > 0, "weights alone are anybody's"
