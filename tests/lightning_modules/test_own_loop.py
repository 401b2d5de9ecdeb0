"""A loop of one's own, without a Trainer, takes the same steps."""

from functools import partial
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_modules import TorchModel
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton
from tests.lightning_modules.own_modules import Net, X, Y, theta_of
from tests.training import make_trainer

EPOCHS = 4


def loader(batch_size: int) -> DataLoader[Any]:
    return DataLoader(TensorDataset(X, Y), batch_size=batch_size)


def net() -> Net:
    return Net(lambda net, x: torch.tanh(net.first(x)))


@pytest.mark.parametrize("batch_size", [10, len(X)])
@pytest.mark.parametrize("method", [partial(GradientDescent, lr=0.5), Newton, DiagonalNewton, KroneckerNewton])
def test_its_steps_are_those_of_a_fit(method: Any, batch_size: int) -> None:
    fitted = TorchModel(net(), num_outputs=3, optimizer=method)
    make_trainer(EPOCHS).fit(fitted, loader(batch_size))
    model = TorchModel(net(), num_outputs=3, optimizer=method).double()
    optimizer = method(model.parameters())
    for _ in range(EPOCHS):
        for batch in loader(batch_size):
            objective = model.objective(batch)
            before = objective.at(theta_of(model)).value
            loss = optimizer.step(objective=objective.as_sample() if batch_size < len(X) else objective)
            torch.testing.assert_close(loss, before, rtol=1e-12, atol=0)
            assert all(parameter.grad is not None for parameter in model.parameters())
    if hasattr(optimizer, "eval"):
        optimizer.eval()
    torch.testing.assert_close(theta_of(model), theta_of(fitted), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", [Newton, DiagonalNewton])
def test_a_step_without_the_loss_says_how_to_give_it(method: Any) -> None:
    model = net()
    with pytest.raises(ValueError, match=r"step\(objective=…\) takes model.objective\(batch\)"):
        method(model.parameters()).step()


METHODS = pytest.mark.parametrize("method", [Newton, DiagonalNewton, KroneckerNewton])


@METHODS
def test_frozen_parameters_are_refused_and_can_be_left_out(method: Any) -> None:
    model = TorchModel(net(), num_outputs=3, optimizer=method).double()
    model.module.first.requires_grad_(False)
    before = model.module.first.weight.clone()
    every = method(model.parameters())
    with pytest.raises(ValueError, match=r"2 of the \d parameters that \w+ holds are frozen, .* if p.requires_grad\]"):
        every.step(objective=model.objective((X, Y)))
    optimizer = method([parameter for parameter in model.parameters() if parameter.requires_grad])
    losses = [float(optimizer.step(objective=model.objective((X, Y)))) for _ in range(4)]
    assert losses[-1] < 0.99 * losses[0]
    assert torch.equal(model.module.first.weight, before)


@METHODS
@pytest.mark.parametrize("sampled", [False, True])
def test_the_order_of_parameters_does_not_matter(method: Any, sampled: bool) -> None:
    models = [TorchModel(net(), num_outputs=3, optimizer=method).double() for _ in range(2)]
    for model, parameters in zip(models, (list(models[0].parameters()), list(models[1].parameters())[::-1]), strict=True):
        optimizer = method(parameters)
        for _ in range(3):
            objective = model.objective((X, Y))
            optimizer.step(objective=objective.as_sample() if sampled else objective)
    torch.testing.assert_close(theta_of(models[0]), theta_of(models[1]), rtol=1e-8, atol=1e-9)


def test_parameters_of_another_model_are_refused() -> None:
    model, other = (TorchModel(net(), num_outputs=3, optimizer=Newton).double() for _ in range(2))
    with pytest.raises(ValueError, match="none of the model's"):
        Newton(other.parameters()).step(objective=model.objective((X, Y)))
