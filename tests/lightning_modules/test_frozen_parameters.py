"""Parameters that require no gradient are constants of the loss, for every method."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import BaseFinetuning
from sklearn.linear_model import LogisticRegression as ScikitLogistic
from torch.testing import assert_close

from datamodules import BreastCancerDataModule, IrisDataModule
from lightning_modules import MLP, LinearRegression, LogisticRegression, ObjectiveModule, SoftmaxRegression
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.training import METHODS, ON_BATCHES, make_trainer

MODELS: dict[str, Any] = {
    "softmax": (partial(SoftmaxRegression, 4, 3, 0.01), ["linear.weight", "linear.bias"]),
    "mlp": (partial(MLP, (4, 5, 3), "tanh", l2=0.01), ["network.layers.0", "network.layers.1.bias"]),
}


def numbers(model: LightningModule) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().double().clone() for name, parameter in model.named_parameters()}


def frozen_model(name: str, method: str, frozen: str) -> tuple[ObjectiveModule, set[str]]:
    """Weights away from 0, some of them frozen, by their names."""
    torch.manual_seed(0)
    model: ObjectiveModule = MODELS[name][0](optimizer=METHODS[method])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    model.get_parameter(frozen).requires_grad_(False) if frozen.endswith(("weight", "bias")) else (
        model.get_submodule(frozen).requires_grad_(False)
    )
    return model, {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


@pytest.mark.parametrize("batch_size", [None, 40])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("name", "frozen"), [(name, frozen) for name, (_, parts) in MODELS.items() for frozen in parts])
def test_what_is_frozen_stays_bit_by_bit_and_the_rest_trains(
    name: str, frozen: str, method: str, batch_size: int | None
) -> None:
    if method not in ON_BATCHES and (batch_size is not None or name == "mlp"):
        pytest.skip("takes all rows at once, of linear models")
    model, held = frozen_model(name, method, frozen)
    before = numbers(model)
    make_trainer(3).fit(model, IrisDataModule(batch_size=batch_size))
    after = numbers(model)
    assert {name for name in before if torch.equal(before[name], after[name])} == held


@pytest.mark.parametrize("method", ["newton", "newton_hessian", "newton_cg", "subsampled_newton", "diagonal_newton"])
def test_a_frozen_intercept_leads_to_the_optimum_without_one(method: str) -> None:
    """Penalised, as scikit-learn has it: C = 1/(n l2)."""
    data = BreastCancerDataModule()
    model = LogisticRegression(data.num_features, 0.01, optimizer=METHODS[method])
    model.linear.bias.requires_grad_(False)
    make_trainer(800).fit(model, data)
    x, y = (part.numpy() for part in data.splits["train"])
    peer = ScikitLogistic(C=1 / (len(y) * 0.01), fit_intercept=False, tol=1e-12, max_iter=10_000).fit(x, y)
    assert_close(model.linear.weight.detach(), torch.from_numpy(peer.coef_), rtol=1e-5, atol=1e-6)
    assert model.convergence().status == "converged"


def test_least_squares_with_a_frozen_intercept() -> None:
    data = IrisDataModule()
    x, _ = data.splits["train"]
    y = x[:, :1] * 2 - 1 + 0.1 * torch.randn(len(x), 1, dtype=torch.float64)
    model = LinearRegression(4, optimizer=Newton).double()
    with torch.no_grad():
        model.linear.bias.fill_(0.7)
    model.linear.bias.requires_grad_(False)
    make_trainer(5).fit(model, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=len(x)))
    assert_close(model.linear.weight.detach().T, torch.linalg.lstsq(x, y - 0.7).solution)
    assert model.convergence().status == "converged"
    errors = [c.standard_error for c in model.coefficients(data.feature_names)]
    assert errors == [None] * 5, "those of all parameters together would be wrong"


@pytest.mark.parametrize("method", ["newton", "diagonal_newton", "adam"])
def test_a_run_with_frozen_parameters_resumes_exactly(method: str, tmp_path: Path) -> None:
    ends = []
    for stop in (None, 2):
        model, _ = frozen_model("mlp", method, "network.layers.0")
        if stop is not None:
            trainer = make_trainer(stop)
            trainer.fit(model, IrisDataModule())
            trainer.save_checkpoint(tmp_path / "stopped.ckpt")
            model, _ = frozen_model("mlp", method, "network.layers.0")
        path = None if stop is None else tmp_path / "stopped.ckpt"
        make_trainer(5).fit(model, IrisDataModule(), ckpt_path=path, weights_only=True)
        ends.append(numbers(model))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


class Freeze(Callback):
    """Freezes the first layer in the midst of a fit."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1:
            pl_module.get_submodule("network.layers.0").requires_grad_(False)


def test_freezing_in_the_midst_of_a_fit_holds_too_or_is_refused() -> None:
    model = MLP((4, 5, 3), "tanh", optimizer=METHODS["sgd_nesterov"])
    kept: list[dict[str, torch.Tensor]] = []

    class Keep(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            kept.append(numbers(pl_module))

    make_trainer(3, Freeze(), Keep()).fit(model, IrisDataModule())
    moved = [name for name in kept[0] if not torch.equal(kept[0][name], kept[2][name])]
    assert moved == ["network.layers.1.weight", "network.layers.1.bias"]
    for method in (Newton, DiagonalNewton):
        with pytest.raises(ValueError, match=f"2 of 4 parameters were frozen after {method.__name__} was made"):
            make_trainer(3, Freeze()).fit(MLP((4, 5, 3), "tanh", optimizer=method), IrisDataModule())


class Body(BaseFinetuning):
    """Freezes the first layer, and lets it train from the third epoch on."""

    def freeze_before_training(self, pl_module: LightningModule) -> None:
        self.freeze(pl_module.get_submodule("network.layers.0"))

    def finetune_function(self, pl_module: LightningModule, epoch: int, optimizer: Any) -> None:
        if epoch == 2:
            self.unfreeze_and_add_param_group(pl_module.get_submodule("network.layers.0"), optimizer)


@pytest.mark.parametrize("method", [Newton, DiagonalNewton, METHODS["adam"]])
def test_finetuning_by_lightning(method: Any) -> None:
    model = MLP((4, 5, 3), "tanh", optimizer=method)
    before = numbers(model)
    trainer = make_trainer(2, Body())
    trainer.fit(model, IrisDataModule())
    after = numbers(model)
    assert torch.equal(before["network.layers.0.weight"], after["network.layers.0.weight"])
    assert not torch.equal(before["network.layers.1.weight"], after["network.layers.1.weight"])
    model, trainer = MLP((4, 5, 3), "tanh", optimizer=method), make_trainer(4, Body())
    if method is METHODS["adam"]:
        trainer.fit(model, IrisDataModule())
        assert [group["lr"] for group in trainer.optimizers[0].param_groups] == [0.1, 0.01]
    else:
        with pytest.raises(ValueError, match=r"takes one parameter group.*from the start of the fit"):
            trainer.fit(model, IrisDataModule())


def test_nothing_left_to_train_is_said() -> None:
    model = SoftmaxRegression(4, 3, optimizer=Newton).requires_grad_(False)
    with pytest.raises(ValueError, match="all parameters of SoftmaxRegression are frozen"):
        make_trainer(1).fit(model, IrisDataModule())
    (tested,) = make_trainer(1).test(model, IrisDataModule(), verbose=False)
    assert tested["test/loss"] > 0, "to test it is another matter"
