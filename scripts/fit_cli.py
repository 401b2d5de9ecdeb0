"""The command line of a fit: a LightningCLI whose data, model, method and callbacks can all be named."""

import sys
from pathlib import Path
from typing import Any

from one_line_parser import OneLineParser
from pytorch_lightning import LightningDataModule, Trainer
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import TensorBoardLogger

import datamodules  # noqa: F401 – imported classes can be named by their short names
import lightning_modules.optimizers  # noqa: F401
from callbacks import (
    ConfusionMatrix,
    ConvergenceStatus,
    CurvatureDiagnostics,
    EmbeddingProjector,
    FeatureBaselines,
    GradientNorms,
    HyperParameters,
    MetricCharts,
    NearestNeighbors,
    TestMetrics,
    TrainingTime,
    TrainMetrics,
    TwoViewGrid,
)
from lightning_modules import ObjectiveModule

LINKS = ("num_features", "num_targets", "num_classes", "image_size")


class FitCLI(LightningCLI):
    """Parses a fit's configuration and builds `model`, `datamodule` and `trainer`; it runs nothing.

    Args:
        args: command-line arguments, or a configuration as a dict.
        callbacks: further callbacks.
    """

    def __init__(self, args: list[str] | dict[str, Any], callbacks: tuple[Callback, ...] = ()) -> None:
        self.training_time, self.convergence_status = TrainingTime(), ConvergenceStatus()
        self.best_checkpoint = ModelCheckpoint(
            filename="best", monitor="val/loss", enable_version_counter=False, save_on_train_epoch_end=False
        )
        self.further_callbacks = callbacks
        super().__init__(
            ObjectiveModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            run=False,
            args=args,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_class=OneLineParser,
            save_config_kwargs={"overwrite": True},
            trainer_defaults={
                "precision": "64-true",
                "max_epochs": 100,
                "log_every_n_steps": 1,
                "num_sanity_val_steps": 0,
                "enable_model_summary": False,
                "enable_progress_bar": sys.stdout.isatty(),
            },
            parser_kwargs={
                "allow_abbrev": False,
                "description": "Fit a model to data, test it, and log everything to TensorBoard.",
            },
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--test_weights",
            choices=["last", "best"],
            default="last",
            help="Weights to test: last, or best on validation.",
        )
        parser.add_argument(
            "--feature_baselines",
            type=bool,
            default=False,
            help="Judge raw pixels and the untrained encoder before a SimCLR run; many minutes on all of MNIST.",
        )
        parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
        parser.add_lightning_class_args(GradientNorms, "gradient_norms")
        parser.add_lightning_class_args(TestMetrics, "test_metrics")
        parser.add_lightning_class_args(CurvatureDiagnostics, "curvature")
        for name in LINKS:
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")

    @property
    def names(self) -> tuple[str, str, str]:
        """Short class names of (data, model, method)."""
        model = self.config.model
        paths = (self.config.data.class_path, model.class_path, model.init_args.optimizer.class_path)
        data, model, method = (path.rpartition(".")[2] for path in paths)
        return data, model, method

    @property
    def has_validation(self) -> bool:
        """Whether the data module sets rows aside for validation; one that does not say is taken to."""
        return getattr(self.datamodule, "val_fraction", None) != 0

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self.config_init.trainer
        # Before the trainer is made: Lightning would first replace, with a warning, what it cannot do on this machine.
        self.model.check_precision(config.precision)
        if config.logger is False:
            self.save_config_callback = None  # without a run folder it would write into the current one
        if config.logger in (None, True):
            root = Path(config.default_root_dir or ".")
            kwargs["logger"] = TensorBoardLogger(root / "logs", name="/".join(self.names), default_hp_metric=False)
        if not self.has_validation:
            kwargs["limit_val_batches"] = 0
        kwargs["callbacks"] = [self.training_time, *(config.callbacks or []), *self._callbacks(config)]
        return super().instantiate_trainer(**kwargs)

    def _callbacks(self, config: Any) -> list[Callback]:
        callbacks = [
            TrainMetrics(self.config.test_metrics.every_n_epochs),
            self.convergence_status,
            ConfusionMatrix(),
            MetricCharts(),
            TwoViewGrid(),
            *([FeatureBaselines()] if self.config.feature_baselines else []),
            NearestNeighbors(every_n_epochs=self.config.test_metrics.every_n_epochs),
            EmbeddingProjector(),
            HyperParameters(self._settings()),
            *self.further_callbacks,
        ]
        if config.enable_checkpointing is not False and not config.fast_dev_run:
            callbacks.append(ModelCheckpoint(filename="last", save_top_k=0, save_last=True))
            if self.has_validation:
                callbacks.append(self.best_checkpoint)
        if config.enable_progress_bar:
            callbacks.append(RichProgressBar())
        return callbacks

    def _settings(self) -> dict[str, bool | int | float | str]:
        """The configuration of data, model and method, flat: `method/lr`, `data/seed`, …"""
        settings: dict[str, bool | int | float | str] = dict(zip(("data", "model", "method"), self.names, strict=True))
        data = self.config.data.as_dict().get("init_args", {})
        model = self.config.model.as_dict()["init_args"]
        method = model.pop("optimizer").get("init_args", {})
        for prefix, values in (("data", data), ("model", model), ("method", method)):
            for name, value in values.items():
                settings[f"{prefix}/{name}"] = value if isinstance(value, (bool, int, float, str)) else str(value)
        return settings
