"""The gradient that methods of torch.optim descend: torch's own, or the objective's where a batch is large."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from datamodules import IrisDataModule
from lightning_modules import MLP, LinearRegression, LogisticRegression, SoftmaxRegression
from lightning_modules.objectives import Objective, Reduction, ReductionOfBatch, flattened, this_process
from lightning_modules.training import loss_share
from lightning_modules.training.loss_share import LossShare, says_its_share
from lightning_modules.training.objective_module import Batch
from tests.lightning_modules.processes import in_processes
from tests.training import METHODS, fit_iterates, make_trainer

ROWS = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
CASES: dict[str, tuple[Any, torch.Tensor]] = {
    "linear": (LinearRegression(4, 1, 0.1, optimizer=METHODS["adam"]), ROWS[:, :1] ** 2),
    "logistic": (LogisticRegression(4, 0.1, optimizer=METHODS["adam"]), (ROWS[:, 0] > 0).long()),
    "softmax": (SoftmaxRegression(4, 3, 0.1, optimizer=METHODS["adam"]), torch.arange(20) % 3),
    "mlp": (MLP((4, 5, 3), "tanh", l2=0.1, optimizer=METHODS["adam"]), torch.arange(20) % 3),
    "mse": (MLP((4, 5, 2), "tanh", loss="mse", optimizer=METHODS["adam"]), ROWS[:, :2]),
    "l1": (MLP((4, 5, 2), "tanh", loss="l1", optimizer=METHODS["adam"]), ROWS[:, :2]),
    "pseudo_huber": (MLP((4, 5, 2), "tanh", loss="pseudo_huber", l2=0.3, optimizer=METHODS["adam"]), ROWS[:, :2]),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_loss_of_the_objective(name: str) -> None:
    model, targets = CASES[name]
    model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    loss = model.loss_share((ROWS, targets)).loss(model.reduction)
    gradient = torch.autograd.grad(loss, list(model.parameters()))
    point = model.objective((ROWS, targets)).at(flattened(model.parameters()))
    assert_close(loss.detach(), point.value)
    assert_close(flattened(gradient), point.gradient)


class Counted(MLP):
    """Counts how often its share is asked for."""

    shares = 0

    def loss_share(self, batch: Batch) -> LossShare:
        self.shares += 1
        return super().loss_share(batch)


# LBFGS on mini-batches magnifies the last digits.
@pytest.mark.parametrize(("method", "batch_size"), [("sgd_nesterov", 40), ("adam", 40), ("adam", None), ("lbfgs", None)])
def test_a_large_batch_goes_through_in_chunks_to_the_same_end(
    method: str, batch_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for most in (loss_share.MOST_BYTES, 0):
        monkeypatch.setattr(loss_share, "MOST_BYTES", most)
        torch.manual_seed(0)
        model = Counted((4, 5, 3), "tanh", l2=0.01, optimizer=METHODS[method])
        ends.append(fit_iterates(model, IrisDataModule(batch_size=batch_size), 3))
        assert (model.shares > 0) is (most > 0)
    assert_close(*ends, rtol=1e-9, atol=1e-11)


class Twice(SoftmaxRegression):
    """Says another loss by `objective` alone."""

    def objective(self, batch: Batch) -> Any:
        return super().objective((torch.cat([batch[0], 2 * batch[0]]), torch.cat([batch[1], batch[1]])))


class Shared(Twice):
    """Says that loss by both."""

    def loss_share(self, batch: Batch) -> LossShare:
        return super().loss_share((torch.cat([batch[0], 2 * batch[0]]), torch.cat([batch[1], batch[1]])))


def test_a_loss_that_only_the_objective_says_is_descended_by_it() -> None:
    """Not by the share that the class above has of another loss."""
    models = [make(4, 3, 0.1, optimizer=METHODS["sgd_nesterov"]) for make in (SoftmaxRegression, Twice, Shared)]
    assert [says_its_share(model) for model in models] == [True, False, True]
    ends = [fit_iterates(model, IrisDataModule(), 3) for model in models]
    assert_close(ends[1], ends[2])
    assert (ends[0] - ends[1]).abs().max() > 1e-2, "negative control"


def test_lbfgs_looks_at_one_objective_of_a_mini_batch() -> None:
    made: list[Objective] = []

    class Remembered(Twice):
        def objective(self, batch: Batch) -> Any:
            made.append(super().objective(batch))
            return made[-1]

    model = Remembered(4, 3, 0.1, optimizer=METHODS["lbfgs"])
    make_trainer(1).fit(model, IrisDataModule(batch_size=30))
    assert len(made) == 3
    assert model._sample is None, "the last batch is not held when its step is over"


def test_no_row_is_refused() -> None:
    model = SoftmaxRegression(4, 3, optimizer=METHODS["adam"])
    with pytest.raises(ValueError, match="not a single row"):
        model.loss_share((torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))).loss(model.reduction)


def test_processes_with_one_row_more_and_less_take_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """In chunks they send each other gradients, else their loss: at the bound one alone would wait forever."""
    monkeypatch.setattr(loss_share, "MOST_BYTES", 8 * 5 * 3)
    parameters = [torch.nn.Parameter(torch.zeros(5, 2, dtype=torch.float64))]

    def work(rank: int, reduction: Reduction) -> tuple[bool, bool]:
        rows = torch.zeros(3 + rank, 2)
        known = ReductionOfBatch(reduction, [3, 4])
        return tuple(loss_share.is_in_chunks(rows, parameters, each) for each in (known, reduction))  # type: ignore[return-value]

    assert in_processes(2, work) == [(True, True)] * 2
    assert not loss_share.is_in_chunks(torch.zeros(3, 2), parameters, this_process)
