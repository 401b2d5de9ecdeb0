"""With a method of torch.optim a model ends with the bits of a plain LightningModule with automatic optimization."""

import warnings
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule

from datamodules import IrisDataModule
from lightning_modules import SoftmaxRegression
from tests.trainer_options.bit_cases import CASES, Case
from tests.trainer_options.callback_classes import WithBackbone
from tests.trainer_options.global_state import same_process_after
from tests.trainer_options.plain_twin import PlainTwin
from tests.training import make_trainer

CELLS = [(name, kind) for name, case in CASES.items() for kind in ("mlp", "softmax") if kind == "mlp" or not case.mlp_only]


def model_of(case: Case, kind: str) -> Any:
    """A network, or softmax regression that does not start at 0, where a wrong sign could not be seen."""
    torch.manual_seed(0)
    base: type = WithBackbone if kind == "mlp" else SoftmaxRegression
    if case.configure is not None:
        base = type(f"Configured{base.__name__}", (base,), {"configure_optimizers": case.configure})
    if kind == "mlp":
        model = base((4, 8, 3), activation="tanh", optimizer=case.optimizer, **case.model)
    else:
        model = base(4, 3, optimizer=case.optimizer)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
    case.prepare(model)
    return model


def fit(case: Case, model: Any) -> LightningModule:
    """Three epochs of five batches, the last of 10 rows."""
    with same_process_after():
        if case.ignored:
            warnings.filterwarnings("ignore", case.ignored)
        torch.set_num_threads(1)
        torch.manual_seed(1)
        trainer = make_trainer(3, *case.callbacks(), **case.trainer)
        trainer.fit(model, IrisDataModule(batch_size=20))
    return model


def assert_same_bits(model: LightningModule, twin: LightningModule, start: dict[str, torch.Tensor]) -> None:
    ours, plain = dict(model.named_parameters()), dict(twin.named_parameters())
    assert list(ours) == list(plain)
    for name, parameter in ours.items():
        difference = (parameter - plain[name]).abs().max()
        assert torch.equal(parameter, plain[name]), f"{name} is off by {difference:.1e}"
    for name, parameter in ours.items():
        same = torch.equal(parameter, start[name].to(parameter.dtype))
        assert same != parameter.requires_grad, f"{name} {'has not moved' if same else 'is frozen and has moved'}"


def weights(model: LightningModule) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_the_bits_are_those_of_plain_lightning(name: str, kind: str) -> None:
    case = CASES[name]
    model = model_of(case, kind)
    twin, start = PlainTwin(model, case.configure or case.twin_configure), weights(model)
    assert_same_bits(fit(case, model), fit(case, twin), start)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mlp", "softmax"])
def test_a_compiled_model_has_the_same_bits(kind: str) -> None:
    """Traced, but run as it is: what a compiler makes of sums has other last bits, in plain Lightning as well."""
    case = CASES["momentum"]
    model = model_of(case, kind)
    twin, start = PlainTwin(model), weights(model)
    fit(case, torch.compile(model, backend="eager"))
    assert_same_bits(model, fit(case, twin), start)


def test_another_step_has_other_bits() -> None:
    """Negative control: the comparison sees a step size that is off by the last digit."""
    case = CASES["momentum"]
    model = model_of(case, "mlp")
    twin, start = PlainTwin(model), weights(model)
    twin.make_optimizer = lambda parameters: torch.optim.SGD(parameters, lr=0.1 + 1e-15, momentum=0.9)
    with pytest.raises(AssertionError, match="is off by"):
        assert_same_bits(fit(case, model), fit(case, twin), start)
