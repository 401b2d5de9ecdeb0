"""Random valid command lines of fit.py: data, model, method, Trainer and the project's own options, in any combination."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from command_line.base_config import CONFIGS
from pytorch_lightning.strategies import StrategyRegistry

import datamodules
import lightning_modules
from lightning_modules import optimizers
from tests.trainer_options.expectations import Works
from tests.trainer_options.fuzz_values import flag, options_of
from tests.trainer_options.table import ROWS

# Data with their number of features and of classes.
DATA = {"IrisDataModule": (4, 3), "BreastCancerDataModule": (30, 2), "DigitsDataModule": (64, 10)}
MODELS = ("SoftmaxRegression", "LogisticRegression", "MLP", "ResidualMLP", "LinearRegression")
OWN_METHODS = ("GradientDescent", "Newton", "DiagonalNewton", "SubsampledNewton")
TORCH_METHODS = [name for name, kind in vars(torch.optim).items() if isinstance(kind, type) and name != "Optimizer"]
# They need other machines, or start the program that runs here again; tests of several processes start programs for it.
NOT_HERE = {
    "num_nodes": (2,),
    "strategy": tuple(name for name in StrategyRegistry.available_strategies() if name != "single_device"),
}
OWN: dict[str, list[Any]] = {
    "seed_everything": [0, 7, True],
    "test_weights": ["last", "best"],
    "feature_baselines": [False],
    "ckpt_path": [None, None, None, "last", "nowhere.ckpt"],
    "checkpoint_every_n_steps": [None, 1, 2],
    "gradient_norms.every_n_steps": [1, 2],
    "test_metrics.every_n_epochs": [1, 2],
    "curvature.max_parameters": [0, 100],
}
# Lightning's classes by name, each with the options that it needs; FOLDER is the run's own.
CALLBACKS: list[list[str]] = [
    ["EarlyStopping", "monitor=val/loss"],
    ["EarlyStopping", "monitor=train/objective", "check_on_train_epoch_end=true"],
    ["ModelCheckpoint", "monitor=val/loss"],
    ["ModelCheckpoint", "every_n_train_steps=1"],
    ["ModelCheckpoint", "monitor=train/objective", "every_n_train_steps=1"],
    ["ModelCheckpoint", "save_last=true", "save_weights_only=true"],
    ["Timer", "duration=00:01:00:00"],
    ["TQDMProgressBar"],
    ["RichProgressBar"],
    ["ModelSummary", "max_depth=2"],
    ["RichModelSummary"],
    ["LearningRateMonitor"],
    ["LearningRateMonitor", "logging_interval=step", "log_momentum=true"],
    ["DeviceStatsMonitor", "cpu_stats=false"],
    ["DeviceStatsMonitor"],
    ["OnExceptionCheckpoint", "dirpath=FOLDER"],
    ["StochasticWeightAveraging", "swa_lrs=0.05", "swa_epoch_start=1"],
    ["WeightAveraging"],
    ["EMAWeightAveraging", "decay=0.9"],
    ["GradientAccumulationScheduler", "scheduling={0: 2}"],
    ["LearningRateFinder", "num_training_steps=5"],
    ["BatchSizeFinder", "max_trials=2"],
    ["BackboneFinetuning"],
    ["ModelPruning", "pruning_fn=l1_unstructured"],
    ["SpikeDetection"],
]
LOGGERS: list[list[str]] = [
    ["CSVLogger", "save_dir=FOLDER"],
    ["CSVLogger", "save_dir=FOLDER", "version=3"],
    ["TensorBoardLogger", "save_dir=FOLDER"],
    ["WandbLogger", "offline=true"],
    ["MLFlowLogger"],
]


def plain_trainer_options() -> dict[str, list[dict[str, Any]]]:
    """For each option of the Trainer what the table tries of it and can be typed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ROWS:
        kind, _, name = row.option.partition(".")
        if (
            kind != "Trainer"
            or row.slow
            or row.program
            or name in ("default_root_dir", "logger", "callbacks", "enable_progress_bar")
        ):
            continue
        if not any(isinstance(expected, Works) for expected in row.expected.values()):
            continue  # no such option, or a machine that is not here
        options = row.options(Path("/nowhere"))
        try:
            json.dumps(options)
        except TypeError:
            continue
        if options.get(name) not in NOT_HERE.get(name, ()):
            found.setdefault(name, []).append(options)
    return found


TRAINER = plain_trainer_options()


def random_line(draw: random.Random, folder: Path) -> list[str]:
    """A command line that runs for an epoch or three, if it is not refused."""
    line = [flag("trainer.default_root_dir", str(folder)), flag("trainer.max_epochs", draw.choice([1, 2, 3]))]
    if draw.random() < 0.15:
        small = [path for path in sorted(CONFIGS.glob("*.yaml")) if path.stem.split("_")[0] in ("iris", "digits", "breast")]
        line.append(flag("config", str(draw.choice(small))))
    else:
        line += random_classes(draw)
    for name in draw.sample(sorted(TRAINER), k=min(draw.choice([0, 1, 1, 2, 2, 3, 5]), len(TRAINER))):
        line += [flag(f"trainer.{option}", value) for option, value in draw.choice(TRAINER[name]).items()]
    for option in draw.sample(sorted(OWN), k=draw.choice([0, 0, 1, 2])):
        line.append(flag(option, draw.choice(OWN[option])))
    if draw.random() < 0.25:
        line += named(draw.choice(CALLBACKS), "trainer.callbacks", folder)
    if draw.random() < 0.2:
        line += draw.choice([["--trainer.logger=false"], ["--trainer.logger=true"]] * 2 + [
            named(logger, "trainer.logger", folder) for logger in LOGGERS
        ])  # fmt: skip
    return line


def random_classes(draw: random.Random) -> list[str]:
    """Data, a model and a method, with options of each."""
    data = draw.choice(sorted(DATA))
    features, classes = DATA[data]
    fitting = [name for name in MODELS if name not in ("LinearRegression",) and (name != "LogisticRegression" or classes == 2)]
    model = draw.choice(fitting) if draw.random() < 0.95 else draw.choice(MODELS)
    own = draw.random() < 0.5
    method = draw.choice(OWN_METHODS) if own else draw.choice(TORCH_METHODS)
    kind = getattr(optimizers if own else torch.optim, method)
    line = [flag("data", data), *some(draw, "data", getattr(datamodules, data)), flag("model", model)]
    if model in ("MLP", "ResidualMLP"):
        line.append(flag("model.widths", [features, *([8, 8] if model == "ResidualMLP" else [8]), classes]))
    line += some(draw, "model", getattr(lightning_modules, model))
    line.append(flag("model.optimizer", method if own else f"torch.optim.{method}"))
    if not own and "lr" in options_of(kind) and draw.random() < 0.8:
        line.append(flag("model.optimizer.lr", 0.01))
    if method == "GradientDescent":
        line.append(flag("model.optimizer.lr", 0.1))
    return line + some(draw, "model.optimizer", kind, without=("lr",))


def some(draw: random.Random, place: str, kind: Any, without: tuple[str, ...] = ()) -> list[str]:
    """None, one or two options of a class."""
    options = {name: values for name, values in options_of(kind).items() if name not in without}
    names = draw.sample(sorted(options), k=min(draw.choice([0, 0, 1, 2]), len(options)))
    return [flag(f"{place}.{name}", draw.choice(options[name])) for name in names]


def named(spec: list[str], place: str, folder: Path) -> list[str]:
    """A class by name and its options below it."""
    name, *options = spec
    return [f"--{place}={name}", *(f"--{place}.{option.replace('FOLDER', str(folder / 'own'))}" for option in options)]
