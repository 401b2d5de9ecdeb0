"""Every optimizer of torch either trains every model, or says in one line why not."""

import copy
import inspect
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules import IrisDataModule
from lightning_modules import MLP, LinearRegression, SoftmaxRegression
from lightning_modules.training.made_optimizer import MuonWithAdamW, made_optimizer
from tests.training import make_trainer

OPTIMIZERS = {
    name: each
    for name, each in vars(torch.optim).items()
    if isinstance(each, type) and issubclass(each, torch.optim.Optimizer) and each is not torch.optim.Optimizer
}
REFUSED = {"SparseAdam": "takes sparse gradients"}
MODELS: dict[str, Any] = {"softmax": partial(SoftmaxRegression, 4, 3), "mlp": partial(MLP, (4, 5, 3), "tanh")}


def with_lr(optimizer: Any) -> Any:
    needs_lr = [p.name for p in inspect.signature(optimizer).parameters.values() if p.default is p.empty] != ["params"]
    return partial(optimizer, lr=0.01) if needs_lr else optimizer


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_torch_trains_or_says_why_not(name: str, model: str) -> None:
    torch.manual_seed(0)
    made, data = MODELS[model](optimizer=with_lr(OPTIMIZERS[name])), IrisDataModule(batch_size=30)
    if name in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name]):
            make_trainer(1).fit(made, data)
        return
    before = copy.deepcopy(made.state_dict())
    make_trainer(2).fit(made, data)
    for key, value in made.state_dict().items():
        assert torch.isfinite(value).all() and not torch.equal(value, before[key].to(value)), key


def test_muon_moves_the_matrices_and_adamw_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """Each as it would alone, from the same gradients."""
    torch.manual_seed(0)
    model, data = MLP((4, 5, 3), "tanh", optimizer=partial(torch.optim.Muon, lr=0.02, weight_decay=0.05)), IrisDataModule()
    twin = copy.deepcopy(model).double()
    with caplog.at_level(logging.INFO, "lightning_modules"):
        make_trainer(3).fit(model, data)
    said = [record.message for record in caplog.records if "Muon" in record.message]
    assert said == ["Muon moves matrices only: 2 parameters by Muon, the other 2 by AdamW with the same lr"]
    matrices, biases = ([p for p in twin.parameters() if p.ndim == ndim] for ndim in (2, 1))
    parts = [torch.optim.Muon(matrices, lr=0.02, weight_decay=0.05), torch.optim.AdamW(biases, lr=0.02, weight_decay=0.05)]
    x, y = data.splits["train"]
    for _ in range(3):
        twin.zero_grad()
        torch.nn.functional.cross_entropy(twin.network(x), y).backward()
        for part in parts:
            part.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_muon_resumes_exactly_and_follows_a_schedule(tmp_path: Path) -> None:
    ends = []
    for stop in (None, 2):
        torch.manual_seed(0)
        model = MLP((4, 5, 3), "tanh", schedule="cosine", optimizer=torch.optim.Muon)
        if stop is not None:
            trainer = make_trainer(6)
            trainer.fit_loop.max_epochs = stop
            trainer.fit(model, IrisDataModule())
            trainer.save_checkpoint(tmp_path / "stopped.ckpt")
            model = MLP((4, 5, 3), "tanh", schedule="cosine", optimizer=torch.optim.Muon)
        trainer = make_trainer(6)
        trainer.fit(model, IrisDataModule(), ckpt_path=None if stop is None else tmp_path / "stopped.ckpt", weights_only=True)
        optimizer = trainer.optimizers[0]
        assert isinstance(optimizer, MuonWithAdamW)
        assert (
            [part.param_groups[0]["lr"] for part in optimizer.parts] == [g["lr"] for g in optimizer.param_groups] == [0.0] * 2
        )
        ends.append([p.detach().clone() for p in model.parameters()])
    assert ends[0][0].dtype == torch.float64


def test_matrices_alone_are_left_to_muon() -> None:
    model = LinearRegression(4, optimizer=torch.optim.Muon)
    model.linear.bias.requires_grad_(False)
    assert type(model.method()) is torch.optim.Muon


def test_other_refusals_pass_through() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="Invalid learning rate"):
        made_optimizer(partial(torch.optim.SGD, lr=-1.0), list(parameter))
    with pytest.raises(ValueError, match=r"SGD\(lr=nan\)"):
        made_optimizer(partial(torch.optim.SGD, lr=float("nan")), list(parameter))
    with pytest.raises(ValueError, match="differentiable=True"):
        made_optimizer(partial(torch.optim.Adam, differentiable=True), list(parameter))
