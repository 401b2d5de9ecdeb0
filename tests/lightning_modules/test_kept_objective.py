"""The objective of a full batch is made once, and never kept for other rows."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import BreastCancerDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import MLP, SoftmaxRegression
from lightning_modules.objectives import GLMObjective, Objective, Reduction, this_process
from lightning_modules.objectives.families import Gaussian
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from lightning_modules.training.kept_objective import KeptObjective
from lightning_modules.training.objective_module import Batch, ObjectiveModule
from tests.lightning_modules.processes import in_processes
from tests.training import make_model, make_trainer


class Maker:
    """Makes objectives and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, batch: Batch) -> Objective:
        self.made += 1
        features, targets = batch
        return GLMObjective(Gaussian(1), features, targets)


def rows() -> Batch:
    return torch.arange(12.0).view(4, 3), torch.arange(4.0)


def of(kept: KeptObjective, batch: Batch, make: Maker) -> Objective:
    return kept.of(batch, make, this_process)


def test_the_same_tensors_give_the_same_objective() -> None:
    kept, make, batch = KeptObjective(), Maker(), rows()
    first = of(kept, batch, make)
    assert of(kept, batch, make) is first
    assert of(kept, (batch[0][:], batch[1][:]), make) is first, "views of all rows, which every epoch makes anew"
    assert make.made == 1


def added(batch: Batch) -> Batch:
    batch[0].add_(1)
    return batch


def written(batch: Batch) -> Batch:
    batch[0][2, 1] = 7.0
    return batch


def changed_through_a_view(batch: Batch) -> Batch:
    batch[0].view(-1)[3:5].zero_()
    return batch


def changed_targets(batch: Batch) -> Batch:
    batch[1].mul_(-1)
    return batch


CHANGES: dict[str, Callable[[Batch], Batch]] = {
    "added to in place": added,
    "one entry written": written,
    "changed through a view": changed_through_a_view,
    "targets changed in place": changed_targets,
    "equal features in other memory": lambda batch: (batch[0].clone(), batch[1]),
    "equal targets in other memory": lambda batch: (batch[0], batch[1].clone()),
    "another precision": lambda batch: (batch[0].double(), batch[1]),
    "the same bytes read as another type": lambda batch: (batch[0].view(torch.int32), batch[1]),
    "fewer rows of the same memory": lambda batch: (batch[0][:3], batch[1][:3]),
    "later rows of the same memory": lambda batch: (batch[0][1:], batch[1][1:]),
    "the same memory in another order": lambda batch: (batch[0].as_strided((4, 3), (1, 4)), batch[1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_other_rows_give_another_objective(change: Callable[[Batch], Batch]) -> None:
    kept, make, batch = KeptObjective(), Maker(), rows()
    first = of(kept, batch, make)
    changed = change(batch)
    second = of(kept, changed, make)
    assert second is not first
    assert isinstance(second, GLMObjective) and second.features is changed[0]
    assert of(kept, changed, make) is second
    assert make.made == 2


def test_only_the_last_one_is_kept() -> None:
    kept, make, here, there = KeptObjective(), Maker(), rows(), rows()
    first = of(kept, here, make)
    of(kept, there, make)
    assert of(kept, here, make) is not first
    assert make.made == 3


def test_memory_that_is_used_again_is_not_taken_for_the_rows_that_were_there() -> None:
    """As long as an objective is kept its rows are held, so that no later tensor can have their address."""
    kept, make = KeptObjective(), Maker()
    for value in range(50):
        batch = (torch.full((64, 3), float(value)), torch.zeros(64))
        objective = of(kept, batch, make)
        assert isinstance(objective, GLMObjective)
        assert objective.features[0, 0] == value
        del batch, objective
    assert make.made == 50


@pytest.mark.parametrize("changed", [(True, False), (False, True), (True, True), (False, False)])
def test_all_processes_make_one_or_none_does(changed: tuple[bool, bool]) -> None:
    """Making one sums over the processes: one that did so alone would wait for the others forever."""

    def work(rank: int, reduction: Reduction) -> tuple[int, bool]:
        kept, make, batch = KeptObjective(), Maker(), rows()
        summed = lambda batch: GLMObjective(Gaussian(1), *batch, reduction=reduction) if make(batch) else None  # noqa: E731
        first = kept.of(batch, summed, reduction)  # type: ignore[arg-type]
        if changed[rank]:
            batch[0].add_(1)
        second = kept.of(batch, summed, reduction)  # type: ignore[arg-type]
        assert isinstance(second, GLMObjective) and second.num_rows == 8
        return make.made, second is first

    expected = (2, False) if any(changed) else (1, True)
    assert in_processes(2, work) == [expected, expected]


# -- In a fit -----------------------------------------------------------------------------------------------------


def objectives_of(model: ObjectiveModule, monkeypatch: pytest.MonkeyPatch) -> list[Objective]:
    """Every objective that the model makes from now on."""
    made: list[Objective] = []
    make = model.objective
    monkeypatch.setattr(model, "objective", lambda batch: made.append(make(batch)) or made[-1])  # type: ignore[func-returns-value]
    return made


METHODS: dict[str, Any] = {
    "newton": Newton,
    "diagonal_newton": DiagonalNewton,
    "gradient_descent": partial(GradientDescent, lr=0.1),
    "adam": partial(torch.optim.Adam, lr=0.1),
    "lbfgs": partial(torch.optim.LBFGS, max_iter=3),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", [False, True], ids=["softmax", "mlp"])
@pytest.mark.parametrize("images", [False, True], ids=["table", "images"])
def test_a_full_batch_fit_makes_one_objective_and_mini_batches_one_a_step(
    method: str, network: bool, images: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for batch_size in (None, 50):
        data: Any = (
            DigitsDataModule(digits=[0, 1, 2], batch_size=batch_size) if images else IrisDataModule(batch_size=batch_size)
        )
        features, steps = data.num_features, 4 * len(data.train_dataloader())
        model: ObjectiveModule = (
            MLP((features, 3, 3), "tanh", l2=0.1, optimizer=METHODS[method])
            if network
            else SoftmaxRegression(features, 3, 0.1, optimizer=METHODS[method])
        )
        made = objectives_of(model, monkeypatch)
        trainer = make_trainer(4)
        trainer.fit(model, data)
        assert trainer.global_step == steps and (steps > 4 or batch_size is None)
        assert len(made) == (1 if batch_size is None else steps)
        report = getattr(trainer.optimizers[0], "report", None)
        assert report is None or report.point.objective.is_sample is (batch_size is not None)


def test_a_second_fit_makes_an_objective_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    data = BreastCancerDataModule()
    model = make_model(data, Newton)
    made = objectives_of(model, monkeypatch)
    for _ in range(2):
        make_trainer(3, precision="64-true").fit(model, data)
    assert len(made) == 2


def test_another_data_module_gets_an_objective_of_its_own() -> None:
    """Without the identity of the rows the second fit would go on with the first's."""
    model = SoftmaxRegression(4, 3, 0.1, optimizer=Newton)
    make_trainer(10).fit(model, IrisDataModule(seed=0))
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    make_trainer(10).fit(model, IrisDataModule(seed=1))
    moved: Tensor = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    assert (moved - theta).abs().max() > 1e-3


def test_in_single_precision_too_the_objective_of_a_table_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, model = IrisDataModule(), SoftmaxRegression(4, 3, 0.1, optimizer=METHODS["gradient_descent"])
    made = objectives_of(model, monkeypatch)
    make_trainer(4, precision="32-true").fit(model, data)
    assert len(made) == 1


@pytest.mark.parametrize("make", [partial(SoftmaxRegression, 4, 3), partial(MLP, (4, 3))], ids=["softmax", "mlp"])
def test_a_penalty_changed_between_two_fits_counts(make: Any) -> None:
    data, model = IrisDataModule(), make(l2=0.01, optimizer=Newton)
    make_trainer(30).fit(model, data)
    model.l2 = 1.0
    make_trainer(30).fit(model, data)
    assert model.convergence().status == "converged"
