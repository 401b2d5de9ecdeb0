"""What every class of a face promises; a new one is tested by being there."""

import inspect
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.func import grad, hessian, vmap

import callbacks
import datamodules
import lightning_modules
from datamodules import BreastCancerDataModule
from lightning_modules import networks, objectives, optimizers
from lightning_modules.networks.initialization import BOUNDS
from lightning_modules.objectives import Objective, Point, families, flattened
from lightning_modules.optimizers import CurvatureOptimizer, Newton
from lightning_modules.training import network_module
from tests.datamodules.examples import example_of
from tests.training import CURVATURE_METHODS, METHODS, make_model, make_trainer, needs_parameters_only

FACES = (callbacks, datamodules, lightning_modules, lightning_modules.objectives, families, networks, optimizers)
NAMED = [(face, name) for face in FACES for name in face.__all__]
MODELS = [name for name in lightning_modules.__all__ if not inspect.isabstract(getattr(lightning_modules, name))]
# Models of a fixed loss over labelled rows, with a penalty; what learns from two views, takes images, or a module of somebody's
# own has tests of its own.
SUPERVISED = [
    name
    for name in MODELS
    if "l2" in (parameters := inspect.signature(getattr(lightning_modules, name)).parameters)
    and not {"image_size", "module"} & parameters.keys()
]
NETWORKS = [name for name in SUPERVISED if "widths" in inspect.signature(getattr(lightning_modules, name)).parameters]


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


@pytest.mark.parametrize("method", CURVATURE_METHODS)
def test_every_curvature_method_is_in_the_tests_of_the_step(method: type[CurvatureOptimizer]) -> None:
    """By its defaults, or with settings in `tests/training.py` where it has none for what it needs."""
    assert method in [getattr(maker, "func", maker) for maker in METHODS.values()]


@pytest.mark.parametrize("method", [method for method in CURVATURE_METHODS if needs_parameters_only(method)])
def test_default_settings_need_no_tuning(method: type[CurvatureOptimizer]) -> None:
    """On correlated features a method with defaults goes nearly all the way, and one that solves for its step arrives."""
    data = BreastCancerDataModule()
    model, optimum = make_model(data, method), make_model(data, Newton)
    objective = model.double().objective(data.splits["train"])
    start = objective.value(flattened(model.parameters()))
    make_trainer(100).fit(optimum, data)
    make_trainer(400).fit(model, data)
    lowest = objective.value(flattened(optimum.parameters()))
    assert objective.value(flattened(model.parameters())) - lowest <= 0.01 * (start - lowest)
    if "damping" in inspect.signature(method).parameters:
        assert model.convergence().status == "converged"


DATA_MODULES = [
    thing
    for thing in (getattr(datamodules, name) for name in datamodules.__all__)
    if issubclass(thing, LightningDataModule) and not inspect.isabstract(thing)
]


@pytest.fixture(params=DATA_MODULES)
def data_module(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return example_of(request.param).make(tmp_path, request)


def sizes_of(name: str, data: Any) -> dict[str, Any]:
    """What the constructor of a model has to know of the data."""
    if name in NETWORKS:
        return {"widths": (data.num_features, 3, 3, data.num_classes or data.num_targets)}
    parameters = inspect.signature(getattr(lightning_modules, name)).parameters
    return {size: getattr(data, size) for size in ("num_features", "num_classes", "num_targets") if size in parameters}


CANDIDATES = [(name, {}) for name in SUPERVISED] + [
    (name, {"loss": loss}) for name in NETWORKS for loss in network_module.LOSSES
]


def test_every_data_module_feeds_every_suitable_model_and_no_other(data_module: Any) -> None:
    fitted: list[tuple[str, dict[str, str]]] = []
    refusals: list[str] = []
    for name, options in CANDIDATES:
        try:
            # Matrix-free, because ten classes of 784 pixels make a matrix of half a gigabyte.
            method = partial(Newton, solver="cg")
            model = getattr(lightning_modules, name)(**sizes_of(name, data_module), **options, l2=0.01, optimizer=method)
            make_trainer(2).fit(model, data_module)
        except ValueError as error:
            refusals.append(str(error))
        else:
            fitted.append((name, options))
    named = {*(name for name, _ in fitted), *(options["loss"] for _, options in fitted if options)}
    for refusal in refusals:
        assert "use " in refusal and any(name in refusal for name in named), f"{refusal!r} names what would fit"
    # A network suits labels under cross-entropy and real targets under each other loss, and is refused otherwise.
    losses = {"cross_entropy"} if data_module.num_classes else {*network_module.LOSSES} - {"cross_entropy"}
    for name in NETWORKS:
        assert {options["loss"] for fit, options in fitted if fit == name and options} == losses
    # What is sure of the linear models; others may suit as well.
    suits = {
        "LinearRegression": not data_module.num_classes,
        "LogisticRegression": data_module.num_classes == 2,
        "SoftmaxRegression": data_module.num_classes > 0,
    }
    assert suits == {name: (name, {}) in fitted for name in suits}


def test_every_data_module_shares_the_common_options(data_module: Any) -> None:
    parameters, example = inspect.signature(type(data_module)).parameters, example_of(type(data_module))
    expected = {"data_dir": None, "batch_size": None, "val_fraction": 0.2, "test_fraction": 0.2, "seed": 0}
    expected = {name: default for name, default in expected.items() if name not in example.lacks}
    defaults = {name: parameters[name].default for name in expected}
    assert defaults == expected | example.own_defaults
    assert list(data_module.splits) == ["train", "val", "test"]
    assert sum(len(targets) for _, targets in data_module.splits.values()) == data_module.num_rows
    assert all(features.shape == (len(targets), data_module.num_features) for features, targets in data_module.splits.values())
    assert len(data_module.feature_names) == data_module.num_features
    assert type(data_module).__name__ in str(data_module)


def rows_for(model: Any) -> tuple[Tensor, Tensor]:
    """Features and targets that suit a model of four features: labels, real numbers or counts, by what it
    does not refuse."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(30, 4, dtype=torch.float64, generator=generator)
    counts = torch.randint(4, (30, 1), generator=generator)
    real = torch.randn(30, 1, dtype=torch.float64, generator=generator)
    for targets in (counts[:, 0] % 3, counts[:, 0] % 2, real, counts.double(), counts + 1.0):
        try:
            model.check_data((features, targets))
        except ValueError:
            continue
        return features, targets
    raise AssertionError(f"{type(model).__name__} takes neither labels nor numbers")


@pytest.mark.parametrize("name", SUPERVISED)
def test_every_model_measures_itself(name: str) -> None:
    """The loss of its metrics is its objective without the penalty; the weights of a linear model, which are 0, have none."""
    sizes = {"num_features": 4, "num_classes": 3, "num_targets": 1}
    penalty = {"l2": 0.0} if name in NETWORKS else {"l2": 0.01}
    parameters = inspect.signature(getattr(lightning_modules, name)).parameters
    shape = {"widths": (4, 3, 3, 3)} if name in NETWORKS else {size: n for size, n in sizes.items() if size in parameters}
    model = getattr(lightning_modules, name)(**shape, **penalty, optimizer=Newton)
    batch = rows_for(model.double())
    metrics = model.metrics()
    evaluated = model.evaluate(batch)
    torch.testing.assert_close(model.predict(batch[0]), evaluated["preds"], rtol=0, atol=0)
    metrics.update(**evaluated)
    values = metrics.compute()
    objective = model.objective(batch)
    assert isinstance(objective, Objective)
    assert float(values["loss"]) == pytest.approx(float(objective.value(flattened(model.parameters()))), rel=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_that_a_network_can_be_told_is_in_its_documentation(name: str) -> None:
    documentation = "".join(cls.__doc__ or "" for cls in getattr(lightning_modules, name).__mro__)
    for choice in (*network_module.LOSSES, *networks.ACTIVATIONS, *BOUNDS, "constant", "cosine"):
        assert choice in documentation


OBJECTIVES = [
    thing
    for thing in (getattr(objectives, name) for name in objectives.__all__)
    if isinstance(thing, type) and issubclass(thing, Objective) and not inspect.isabstract(thing)
]


@pytest.mark.parametrize("objective", [thing for thing in OBJECTIVES if "point" in vars(thing)])
def test_who_has_one_closed_form_has_all(objective: type[Objective]) -> None:
    """Else some of its derivatives would be the slow oracle's, unnoticed."""
    point = get_type_hints(objective.point)["return"]
    own = [getattr(point, name) is not getattr(Point, name) for name in ("value", "gradient", "make_curvature")]
    assert point is Point or all(own)
    curvature = get_type_hints(point.make_curvature)["return"]
    assert {"product", "matrix", "diagonal"} <= vars(curvature).keys()


LOSSES = [
    thing
    for thing in (getattr(families, name) for name in families.__all__)
    if issubclass(thing, families.PointwiseLoss) and not inspect.isabstract(thing)
]


@pytest.mark.parametrize("kind", LOSSES)
def test_the_derivatives_of_every_loss_and_family_are_those_of_its_value(kind: type[families.PointwiseLoss]) -> None:
    required = [p.name for p in inspect.signature(kind).parameters.values() if p.default is p.empty]
    for value in (3, 1.5):
        with suppress(ValueError):
            loss = kind(**dict.fromkeys(required, value))
            break
    generator = torch.Generator().manual_seed(0)
    z, v = torch.randn(2, 30, loss.num_outputs, dtype=torch.float64, generator=generator)
    counts = torch.randint(3, (30,), generator=generator)
    reals = torch.randn(z.shape, dtype=z.dtype, generator=generator)
    for targets in (counts, counts % 2, counts + 1, counts[:, None].double(), reals):
        with suppress(ValueError):
            y = loss.check(targets)
            break
    of_row = lambda row, target: loss.loss(row[None], target[None])[0]  # noqa: E731
    close = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-12)
    close(loss.gradient(z, y), vmap(grad(of_row))(z, y))
    curvature, factor = vmap(hessian(of_row))(z, y), loss.curvature_factor(z, y)
    close(loss.curvature_product(z, y, v), torch.einsum("njk,nk->nj", curvature, v))
    close(torch.einsum("cnj,cnk->njk", factor, factor), curvature)
    if isinstance(loss, families.Family):
        close(loss.curvature(z, y).contiguous(), curvature)
        close(loss.curvature_diagonal(z, y), torch.diagonal(curvature, dim1=1, dim2=2))
