"""A fit on a device is the fit on the CPU: to the last bit on the simulated one, whose arithmetic is the CPU's."""

import gc
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import MLP, ObjectiveModule, ResidualMLP
from lightning_modules.objectives.layered import network_curvature, network_loss
from lightning_modules.objectives.linear import row_chunks
from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError
from lightning_modules.training.objective_module import OptimizerCallable
from tests.simulated_device import on_the_device
from tests.simulated_device.on_device import OnDevice
from tests.training import METHODS, ON_BATCHES, make_model, make_trainer

PLACES = {"cpu": dict, "device": on_the_device}
MODELS: dict[str, Any] = {
    "linear": make_model,
    "tanh": lambda data, make: network(MLP, data, make, "tanh"),
    "relu": lambda data, make: network(MLP, data, make, "relu"),
    "residual": lambda data, make: network(ResidualMLP, data, make, "tanh"),
}
DATA: dict[str, Any] = {
    "iris": IrisDataModule,
    "breast_cancer": BreastCancerDataModule,
    "digits": partial(DigitsDataModule, val_fraction=0.5, test_fraction=0.3),
}


def network(kind: Any, data: Any, make: OptimizerCallable, activation: str) -> ObjectiveModule:
    loss = {} if data.num_classes else {"loss": "mse"}
    widths = (data.num_features, 4, 4, max(data.num_classes, 1))
    model: ObjectiveModule = kind(widths, activation, optimizer=make, **loss)
    return model


def weights(model: ObjectiveModule) -> Tensor:
    return torch.cat([p.detach().cpu().flatten() for p in model.parameters()])


def fitted(place: str, data: Any, model: str, method: str, epochs: int = 3, **options: Any) -> ObjectiveModule:
    torch.manual_seed(0)
    made: ObjectiveModule = MODELS[model](data, METHODS[method])
    make_trainer(epochs, **PLACES[place](), **options).fit(made, data)
    return made


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model, batch_size", [("linear", None), ("tanh", 40)])
def test_every_method_ends_with_the_bits_of_the_cpu(model: str, batch_size: int | None, method: str) -> None:
    if batch_size is not None and method not in ON_BATCHES:
        pytest.skip("full batch only")
    here, there = (weights(fitted(place, IrisDataModule(batch_size=batch_size), model, method)) for place in PLACES)
    assert torch.equal(here, there)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [None, 40])
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_so_does_every_model_on_all_data(
    method: str, model: str, data: str, batch_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the rows go through it in the CPU's chunks: in larger ones, sums over rows are rounded otherwise."""
    if method == "subsampled_newton" and (batch_size is not None or model != "linear"):
        pytest.skip("linear models, full batch")
    for reader in (row_chunks, network_curvature, network_loss):
        monkeypatch.setattr(reader, "rows_at_a_time", lambda device, in_cache, computed_bytes: max(1, in_cache))
    ends: list[Any] = []
    for place in PLACES:
        try:
            ends.append(weights(fitted(place, DATA[data](batch_size=batch_size), model, method)))
        except NonFiniteLossError as error:  # as L-BFGS may end on mini-batches
            ends.append(str(error))
    here, there = ends
    assert here == there if isinstance(here, str) else torch.equal(here, there)


@pytest.mark.parametrize("method", ["newton", "subsampled_newton", "diagonal_newton", "lbfgs"])
def test_real_targets_and_a_tall_table(method: str, data_dir: str) -> None:
    here, there = (weights(fitted(place, CaliforniaHousingDataModule(data_dir), "linear", method)) for place in PLACES)
    assert torch.equal(here, there)


@pytest.mark.parametrize("batch_size", [None, 100])
def test_after_the_fit_the_model_is_on_the_cpu_and_can_be_asked(batch_size: int | None) -> None:
    verdicts = []
    for place in PLACES:
        model = fitted(place, BreastCancerDataModule(batch_size=batch_size), "linear", "newton", epochs=12)
        assert model.device.type == "cpu"
        verdicts.append(model.convergence())
    assert verdicts[0].status == verdicts[1].status
    assert verdicts[0].message == verdicts[1].message


@pytest.mark.parametrize("first, then", [("cpu", "device"), ("device", "cpu"), ("device", "device")])
@pytest.mark.parametrize("method", ["newton", "subsampled_newton", "diagonal_newton", "adam"])
def test_a_run_goes_on_from_one_to_the_other(method: str, first: str, then: str, tmp_path: Path) -> None:
    whole = weights(fitted("cpu", BreastCancerDataModule(), "linear", method, epochs=4))
    torch.manual_seed(0)
    data = BreastCancerDataModule()
    model = make_model(data, METHODS[method])
    trainer = make_trainer(2, **PLACES[first]())
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    resumed = make_model(data, METHODS[method])
    make_trainer(4, **PLACES[then]()).fit(resumed, data, ckpt_path=tmp_path / "half.ckpt")
    assert torch.equal(weights(resumed), whole)


def test_metrics_and_predictions_are_those_of_the_cpu() -> None:
    found = []
    for place in PLACES.values():
        data = DigitsDataModule()
        torch.manual_seed(0)
        model = make_model(data, METHODS["newton_cg"])
        trainer = make_trainer(2, limit_val_batches=1.0, **place())
        trainer.fit(model, data)
        predictions = torch.cat([part.cpu() for part in trainer.predict(model, data)])  # type: ignore[union-attr, misc]
        found.append((trainer.test(model, data, verbose=False), predictions))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("method", ["newton", "diagonal_newton", "adam"])
@pytest.mark.parametrize("batch_size", [None, 100])
def test_after_the_fit_the_device_is_left_to_others(batch_size: int | None, method: str) -> None:
    """Though trainer, model and data are still there."""
    data = BreastCancerDataModule(batch_size=batch_size)
    model = make_model(data, METHODS[method])
    trainer = make_trainer(2, limit_val_batches=1.0, **on_the_device())

    def large() -> set[int]:
        gc.collect()
        return {id(thing) for thing in gc.get_objects() if type(thing) is OnDevice and thing.numel() >= data.num_features * 50}

    before = large()  # of other tests
    trainer.fit(model, data)
    assert not large() - before, "tensors as large as rows"
    assert trainer.train_dataloader is not None
