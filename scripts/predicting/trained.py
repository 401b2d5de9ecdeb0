"""A trained model and the preprocessing it was trained with, out of one file and without running code from it."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from command_line.whole_checkpoints import read_checkpoint

import lightning_modules
from datamodules.serving.preprocessing import Preprocessing
from lightning_modules import ObjectiveModule


@dataclass(frozen=True)
class Trained:
    """What a checkpoint says of new rows.

    Attributes:
        model: with the weights, in their precision.
        preprocessing: from columns to features, scaling, names of the classes.
        delimiter: what separated the cells of the training table.
    """

    model: ObjectiveModule
    preprocessing: Preprocessing
    delimiter: str


def read_trained(path: Path) -> Trained:
    """The model of a checkpoint and the preprocessing that is kept with it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds no preprocessing or no model of this project.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}: check --ckpt")
    content = read_checkpoint(path)
    states = [value["preprocessing"] for value in content.values() if isinstance(value, dict) and "preprocessing" in value]
    if not states:
        raise ValueError(
            f"{path} holds no preprocessing, so new rows cannot be made what the model was trained on: train it anew on a data "
            "module of this project (checkpoints of earlier versions did not keep it)"
        )
    delimiter = content.get("datamodule_hyper_parameters", {}).get("delimiter", ",")
    return Trained(_model(path, content), Preprocessing.from_plain(states[0]), delimiter)


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
