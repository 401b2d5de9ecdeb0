"""A trained model and the preprocessing it was trained with, out of one file and without running code from it."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from command_line.whole_checkpoints import read_run

import lightning_modules
from datamodules.files import TableFile
from datamodules.files.table_options import separator
from datamodules.serving.preprocessing import Preprocessing
from lightning_modules import ObjectiveModule
from predicting.checked_files import check_checkpoint


@dataclass(frozen=True)
class Trained:
    """What a checkpoint says of new rows.

    Attributes:
        model: with the weights, in their precision.
        preprocessing: from columns to features, scaling, names of the classes.
        form: how the file of the training rows was read.
    """

    model: ObjectiveModule
    preprocessing: Preprocessing
    form: TableFile


def read_trained(path: Path) -> Trained:
    """The model of a checkpoint and the preprocessing that is kept with it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds no preprocessing or no model of this project.
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
    held, preprocessing = content.get("datamodule_hyper_parameters", {}), Preprocessing.from_plain(states[0])
    form = {"delimiter": separator(held.get("delimiter")), "encoding": held.get("encoding"), "header": held.get("header")}
    wanted = preprocessing.encoder.columns[0].name
    return Trained(_model(path, content), preprocessing, TableFile(path, wanted=wanted, **form))


def _model(path: Path, content: dict[str, Any]) -> ObjectiveModule:
    name = content.get("model_class")
    if name not in lightning_modules.__all__:
        raise ValueError(f"{path} is of the model {name!r}, which lightning_modules does not have: add it to that package")
    model_class = getattr(lightning_modules, name)
    wanted = inspect.signature(model_class).parameters
    held = content.get("hyper_parameters", {})
    settings = {key: value for key, value in held.items() if key in wanted and key != "optimizer"}
    # Any method will do, and none that the file names is made.
    model: ObjectiveModule = model_class(**settings, optimizer=torch.optim.SGD)
    weights = content["state_dict"]
    model.to(next(iter(weights.values())).dtype).load_state_dict(weights)
    return model.eval()
