"""Parameter groups and schedules of a subclass make no sense to a method that couples all parameters: said in one line."""

from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from datamodules import IrisDataModule
from lightning_modules import MLP, optimizers
from tests.trainer_options.expectations import CURVATURE
from tests.trainer_options.global_state import same_process_after
from tests.trainer_options.walking import SETTINGS, optimizer_of
from tests.training import make_trainer

# `SubsampledNewton` refuses a network first, by another line.
ON_NETWORKS = [method for method in CURVATURE if method != "SubsampledNewton"]


def refused(model: MLP, pattern: str) -> None:
    start = torch.nn.utils.parameters_to_vector(model.parameters()).detach().double()
    with same_process_after(), pytest.raises(Exception, match=pattern) as refusal:
        make_trainer(2).fit(model, IrisDataModule())
    assert "\n" not in str(refusal.value)
    assert torch.equal(torch.nn.utils.parameters_to_vector(model.parameters()).double(), start)


@pytest.mark.parametrize("method", ON_NETWORKS)
def test_parameter_groups_are_refused_by_name(method: str) -> None:
    kind = getattr(optimizers, method)

    class Grouped(MLP):
        def configure_optimizers(self) -> Any:
            first, *others = self.parameters()
            return kind([{"params": [first], "lr": 0.1}, {"params": others}], **SETTINGS.get(method, {}))

    refused(Grouped((4, 5, 3), optimizer=optimizer_of(method)), f"{method}.*group")


@pytest.mark.parametrize("method", ON_NETWORKS)
def test_a_schedule_of_the_users_is_refused(method: str) -> None:
    class Scheduled(MLP):
        def configure_optimizers(self) -> Any:
            optimizer: Any = super().configure_optimizers()
            return [optimizer], [StepLR(optimizer, 1)]

    refused(Scheduled((4, 5, 3), optimizer=optimizer_of(method)), "schedul")


@pytest.mark.parametrize("method", ON_NETWORKS)
def test_our_own_schedule_is_not(method: str) -> None:
    """Negative control."""
    model = MLP((4, 5, 3), schedule="cosine", optimizer=optimizer_of(method))
    with same_process_after():
        trainer = make_trainer(2)
        trainer.fit(model, IrisDataModule())
    assert trainer.global_step == 2
