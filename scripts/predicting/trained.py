"""A trained model and the preprocessing it was trained with, out of one file and without running code from it."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from command_line.finite_weights import refuse_not_finite_weights
from command_line.whole_checkpoints import read_run
from torch import Tensor

import lightning_modules
from datamodules.files import TableFile
from datamodules.files.table_options import separator
from datamodules.serving.preprocessing import Preprocessing
from lightning_modules import ObjectiveModule
from predicting.checked_files import check_checkpoint
from predicting.predictor import Predictor


@dataclass(frozen=True)
class Trained:
    """What a checkpoint says of new rows.

    Attributes:
        model: with the weights, in their precision.
        preprocessing: from columns to features, scaling, names of the classes.
        form: how the file of the training rows was read.
        data_settings: of the data module of the training.
    """

    model: ObjectiveModule
    preprocessing: Preprocessing
    form: TableFile
    data_settings: dict[str, Any]


def read_trained(path: Path) -> Trained:
    """The model of a checkpoint and the preprocessing that is kept with it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, holds no preprocessing or no model of this project, or weights that are not finite.
    """
    check_checkpoint(path)
    content = read_run(path)
    states = [value["preprocessing"] for value in content.values() if isinstance(value, dict) and "preprocessing" in value]
    if not states:
        raise ValueError(
            f"{path} holds no preprocessing, so new rows cannot be made what the model was trained on: train it anew on a data "
            "module of this project (checkpoints of earlier versions did not keep it)"
        )
    if "encoder" not in states[0]:
        raise ValueError(f"{path} is of an earlier version, whose preprocessing this one cannot read: train the model anew")
    try:
        held, preprocessing = content.get("datamodule_hyper_parameters", {}), Preprocessing.from_plain(states[0])
        form = {"delimiter": separator(held.get("delimiter")), "encoding": held.get("encoding"), "header": held.get("header")}
        wanted = preprocessing.encoder.columns[0].name
        trained = Trained(_model(path, content), preprocessing, TableFile(path, wanted=wanted, **form), held)
        _check_fit(path, trained)
        return trained
    except (KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise ValueError(
            f"{path} holds a model or a preprocessing that no run of this project writes ({reason}): train the model anew"
        ) from error


def _check_fit(path: Path, trained: Trained) -> None:
    """Refuse a model that takes other features, or tells other classes, than the preprocessing has."""
    preprocessing, names = trained.preprocessing, trained.preprocessing.class_names
    features, inputs = len(preprocessing.feature_names), len(preprocessing.input_names)
    sizes = {len(preprocessing.mean), len(preprocessing.deviation)}
    outputs = Predictor(trained.model, preprocessing)(torch.zeros(1, inputs, dtype=torch.float64)).shape[1]
    if sizes != {features} or (names is not None and outputs != len(names)):
        raise ValueError(f"{path}: its model and its preprocessing have different features or classes: train the model anew")


def _data_module(content: dict[str, Any]) -> str:
    """The name of the data module whose preprocessing a checkpoint holds."""
    return next(name for name, value in content.items() if isinstance(value, dict) and "preprocessing" in value)


def _model(path: Path, content: dict[str, Any]) -> ObjectiveModule:
    name = content.get("model_class")
    if name not in lightning_modules.__all__:
        raise ValueError(f"{path} is of the model {name!r}, which lightning_modules does not have: add it to that package")
    model_class = getattr(lightning_modules, name)
    wanted = inspect.signature(model_class).parameters
    held = content.get("hyper_parameters", {})
    settings = {key: value for key, value in held.items() if key in wanted and key != "optimizer"}
    if "module" in wanted:
        of_class = settings.get("module", {})
        named = f", {of_class['class_path']}" if isinstance(of_class, dict) and "class_path" in of_class else ""
        raise ValueError(
            f"{path} is of a {name} with a module of somebody's own{named}, and no code that a file names is run here: predict "
            f"from Python, model.predict(data.scaled(features)) with model = {name}.load_from_checkpoint(path, module=…, "
            f"optimizer=…) and data = {_data_module(content)}.load_from_checkpoint(path)"
        )
    weights: dict[str, Tensor] = content["state_dict"]
    with torch.device("meta"):  # takes no memory, of whatever size the settings say that the model is
        shapes = {key: value.shape for key, value in model_class(**settings, optimizer=torch.optim.SGD).state_dict().items()}
    if shapes != {key: value.shape for key, value in weights.items()}:
        raise ValueError(f"{path}: its weights are not those of a {name} with its settings: train the model anew")
    # Any method will do, and none that the file names is made.
    model: ObjectiveModule = model_class(**settings, optimizer=torch.optim.SGD)
    model.to(next(iter(weights.values())).dtype).load_state_dict(weights)
    refuse_not_finite_weights(path, weights, model)
    return model.eval()
