"""How many rows a batch has over all processes is known from its loader where the loss takes all, and of that loss only."""

from typing import Any

import pytest
from pytorch_lightning import Callback

from datamodules import IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.optimizers import Newton
from lightning_modules.training import objective_module
from lightning_modules.training.batch_counts import takes_every_row
from lightning_modules.training.objective_module import ObjectiveModule
from tests.training import METHODS, make_trainer


class Filters(SoftmaxRegression):
    """Leaves out some rows."""

    def loss_share(self, batch: Any) -> Any:
        x, y = batch
        return super().loss_share((x[x[:, 0] > 0], y[x[:, 0] > 0]))


class FiltersNone(Filters):
    """Says that it does not."""

    takes_every_row = True


@pytest.mark.parametrize(
    "model, expected",
    [
        (SoftmaxRegression(4, 3, optimizer=Newton), True),
        (MLP((4, 3, 3), optimizer=Newton), True),
        (Filters(4, 3, optimizer=Newton), False),
        (FiltersNone(4, 3, optimizer=Newton), True),
    ],
    ids=["ours", "a network", "one with a loss of its own", "one that says so"],
)
def test_a_class_with_a_loss_of_its_own_may_leave_out_rows(model: ObjectiveModule, expected: bool) -> None:
    assert takes_every_row(model) is expected


@pytest.mark.parametrize("method", ["newton", "adam"])
def test_a_callback_that_asks_in_the_middle_of_a_step_is_told_of_all_rows(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[bool] = []
    asked: list[bool] = []  # the first time only, since the objective of all rows is kept
    monkeypatch.setattr(objective_module, "of_batch", lambda reduction, trainer, number: reduction)

    class Model(SoftmaxRegression):
        takes_every_row = True

        def objective(self, batch: Any) -> Any:
            known.append(self._reduction_of_batch is not None)
            return super().objective(batch)

        def loss_share(self, batch: Any) -> Any:
            known.append(self._reduction_of_batch is not None)
            return super().loss_share(batch)

    class Asks(Callback):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            known.clear()
            pl_module.convergence()
            asked.extend(known)

    class Looks(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            known.clear()

        def on_before_optimizer_step(self, *_: Any) -> None:
            assert known == [True]

    make_trainer(2, Looks(), Asks()).fit(Model(4, 3, 0.1, optimizer=METHODS[method]), IrisDataModule(batch_size=40))
    assert asked == [False]
