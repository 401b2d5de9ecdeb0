"""What every class of a face promises; a new one is tested by being named there."""

import inspect
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningDataModule

import callbacks
import datamodules
import lightning_modules
from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, IrisDataModule
from lightning_modules import mlp, networks, optimizers
from lightning_modules.networks.initialization import BOUNDS
from lightning_modules.objectives import GLMObjective, NetworkObjective, Objective, families
from lightning_modules.optimizers import CurvatureOptimizer, Newton
from tests.idx_files import write_mnist
from tests.training import METHODS, make_model, make_trainer

FACES = (callbacks, datamodules, lightning_modules, lightning_modules.objectives, families, networks, optimizers)
NAMED = [(face, name) for face in FACES for name in face.__all__]
MODELS = [name for name in lightning_modules.__all__ if not inspect.isabstract(getattr(lightning_modules, name))]
# Models of a fixed loss over labelled rows, with a penalty; SimCLR, which learns from two views, has tests of its own.
SUPERVISED = [name for name in MODELS if "l2" in inspect.signature(getattr(lightning_modules, name)).parameters]
NETWORKS = [name for name in SUPERVISED if "widths" in inspect.signature(getattr(lightning_modules, name)).parameters]
CURVATURE_METHODS = [
    name
    for name in optimizers.__all__
    if isinstance(cls := getattr(optimizers, name), type)
    and issubclass(cls, CurvatureOptimizer)
    and not inspect.isabstract(cls)
]


@pytest.mark.parametrize(("face", "name"), NAMED, ids=lambda value: getattr(value, "__name__", value))
def test_everything_public_is_documented(face: ModuleType, name: str) -> None:
    thing = getattr(face, name)
    if not isinstance(thing, type) and not inspect.isfunction(thing):
        return
    documentation = inspect.getdoc(thing) or ""
    assert len(documentation) > 20
    if isinstance(thing, type) and "__init__" in vars(thing):
        parameters = [p for p in inspect.signature(thing.__init__).parameters if p != "self"]
        for parameter in parameters:
            assert parameter in documentation, f"{name} does not explain {parameter}"


@pytest.mark.parametrize("name", CURVATURE_METHODS)
def test_every_curvature_method_is_in_the_tests_of_the_step(name: str) -> None:
    makers = [getattr(maker, "func", maker) for maker in METHODS.values()]
    assert getattr(optimizers, name) in makers


@pytest.mark.parametrize("name", CURVATURE_METHODS)
def test_default_settings_need_no_tuning(name: str) -> None:
    """All but the step of gradient descent has a default that works on correlated features."""
    optimizer = getattr(optimizers, name)
    if "lr" in [p.name for p in inspect.signature(optimizer).parameters.values() if p.default is inspect.Parameter.empty]:
        assert name == "GradientDescent"
        return
    data = BreastCancerDataModule()
    model = make_model(data, optimizer)
    make_trainer(400).fit(model, data)
    assert model.convergence().status == "converged"


DATA_MODULES = [name for name in datamodules.__all__ if issubclass(getattr(datamodules, name), LightningDataModule)]
# MNIST has test images of its own, and leaves 50 000 of its 60 000 others for training; two views are for mini-batches.
OWN_DEFAULTS: dict[str, dict[str, Any]] = {
    "MNISTDataModule": {"val_fraction": 1 / 6, "test_fraction": None},
    "MNISTTwoViewDataModule": {"val_fraction": 1 / 6, "test_fraction": None, "batch_size": 512},
}


@pytest.fixture(params=DATA_MODULES)
def data_module(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    name = request.param
    if name == "CaliforniaHousingDataModule":
        return CaliforniaHousingDataModule(request.getfixturevalue("data_dir"))
    if name == "TabularDataModule":
        rows = ["a,b,label"] + [f"{i % 7},{(i * i) % 11},{'yes' if i % 3 else 'no'}" for i in range(60)]
        (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
        return datamodules.TabularDataModule("table.csv", "label", data_dir=str(tmp_path))
    if name == "ArrayDataModule":
        numbers = torch.arange(60)
        return datamodules.ArrayDataModule(torch.stack([numbers % 7, numbers**2 % 11], 1), numbers % 3 > 0)
    if name == "MNISTDataModule":
        write_mnist(tmp_path)
        return datamodules.MNISTDataModule(str(tmp_path), digits=[3, 8])
    if name == "MNISTTwoViewDataModule":
        write_mnist(tmp_path, train=60)
        return datamodules.MNISTTwoViewDataModule(str(tmp_path))
    return getattr(datamodules, name)()


def sizes_of(name: str, data: Any) -> dict[str, Any]:
    """What the constructor of a model has to know of the data."""
    if name in NETWORKS:
        return {"widths": (data.num_features, 3, 3, data.num_classes or data.num_targets)}
    parameters = inspect.signature(getattr(lightning_modules, name)).parameters
    return {size: getattr(data, size) for size in ("num_features", "num_classes", "num_targets") if size in parameters}


# A network suits labels under cross-entropy and real targets under every other loss, and is refused otherwise.
CANDIDATES = [(name, {}) for name in SUPERVISED] + [(name, {"loss": loss}) for name in NETWORKS for loss in mlp.LOSSES]


def test_every_data_module_feeds_every_suitable_model_and_no_other(data_module: Any) -> None:
    fitted: list[tuple[str, dict[str, str]]] = []
    for name, options in CANDIDATES:
        try:
            # Matrix-free, because ten classes of 784 pixels make a matrix of half a gigabyte.
            method = partial(Newton, solver="cg")
            model = getattr(lightning_modules, name)(**sizes_of(name, data_module), **options, l2=0.01, optimizer=method)
            make_trainer(2).fit(model, data_module)
        except ValueError as error:
            assert "use " in str(error), "a refusal names what would fit"
        else:
            fitted.append((name, options))
    if not data_module.num_classes:
        losses = [loss for loss in mlp.LOSSES if loss != "cross_entropy"]
        expected: list[tuple[str, dict[str, str]]] = [("LinearRegression", {})]
        expected += [(name, {"loss": loss}) for name in NETWORKS for loss in losses]
    else:
        binary = ["LogisticRegression"] if data_module.num_classes == 2 else []
        expected = [(name, {}) for name in (*binary, "SoftmaxRegression", *NETWORKS)]
        expected += [(name, {"loss": "cross_entropy"}) for name in NETWORKS]
    assert sorted(map(str, fitted)) == sorted(map(str, expected))


def test_every_data_module_shares_the_common_options(data_module: Any) -> None:
    parameters = inspect.signature(type(data_module)).parameters
    expected = {"data_dir": None, "batch_size": None, "val_fraction": 0.2, "test_fraction": 0.2, "seed": 0}
    if isinstance(data_module, datamodules.ArrayDataModule):
        del expected["data_dir"]  # there are no files
    defaults = {name: parameters[name].default for name in expected}
    assert defaults == expected | OWN_DEFAULTS.get(type(data_module).__name__, {})
    assert list(data_module.splits) == ["train", "val", "test"]
    assert sum(len(targets) for _, targets in data_module.splits.values()) == data_module.num_rows
    assert all(features.shape == (len(targets), data_module.num_features) for features, targets in data_module.splits.values())
    assert len(data_module.feature_names) == data_module.num_features
    assert type(data_module).__name__ in str(data_module)


@pytest.mark.parametrize("name", SUPERVISED)
def test_every_model_measures_itself(name: str) -> None:
    """The loss of its metrics is its objective without the penalty; the weights of a linear model, which are 0, have none."""
    data = BreastCancerDataModule() if name in ("LogisticRegression", "LinearRegression") else IrisDataModule()
    penalty = {"l2": 0.0} if name in NETWORKS else {"l2": 0.01}
    model = getattr(lightning_modules, name)(**sizes_of(name, data), **penalty, optimizer=Newton)
    features, targets = data.splits["test"]
    batch = (features, targets.double()[:, None] if name == "LinearRegression" else targets)
    metrics = model.double().metrics()
    evaluated = model.evaluate(batch)
    torch.testing.assert_close(model.predict(features), evaluated["preds"], rtol=0, atol=0)
    metrics.update(**evaluated)
    values = metrics.compute()
    objective = model.objective(batch)
    assert isinstance(objective, Objective)
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    assert float(values["loss"]) == pytest.approx(float(objective.value(theta)), rel=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_that_a_network_can_be_told_is_in_its_documentation(name: str) -> None:
    documentation = "".join(cls.__doc__ or "" for cls in getattr(lightning_modules, name).__mro__)
    for choice in (*mlp.LOSSES, *networks.ACTIVATIONS, *BOUNDS, "constant", "cosine"):
        assert choice in documentation


@pytest.mark.parametrize("objective", [GLMObjective, NetworkObjective])
def test_closed_forms_override_every_derivative(objective: type[Objective]) -> None:
    for name in (
        "gradient",
        "value_and_gradient",
        "hessian_vector_product",
        "hessian",
        "hessian_diagonal",
        "ggn_vector_product",
        "ggn",
        "ggn_diagonal",
    ):
        assert name in vars(objective)
