"""The command line of a fit: a LightningCLI whose data, model, method and callbacks can all be named."""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning import LightningDataModule, Trainer
from pytorch_lightning.callbacks import Callback, ProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

import lightning_modules.optimizers  # noqa: F401
from callbacks import (
    BestCheckpoint,
    CoefficientIntervals,
    ConfusionMatrix,
    ConvergenceStatus,
    CurvatureDiagnostics,
    CurvatureQuantiles,
    EmbeddingProjector,
    FeatureBaselines,
    FinalCheckpoint,
    FitProgress,
    GradientNorms,
    HyperParameters,
    LastCheckpoint,
    LayerHistograms,
    LearningRate,
    MetricCharts,
    MonitoredValues,
    NearestNeighbors,
    PenaltyChoice,
    RandomStates,
    ReplicaCheck,
    RunSettings,
    StepCourse,
    StopDecision,
    TestMetrics,
    TrainingTime,
    TrainMetrics,
    TwoViewGrid,
    UpdateRatios,
)
from command_line.checked_trainer import BARE, check_callbacks, check_trainer
from command_line.chosen_settings import LINKS, chosen_settings, class_of, refuse_linked
from command_line.fit_parser import FitParser
from command_line.named_loggers import first_of, placed, with_ours
from command_line.null_options import refuse_null
from command_line.one_line_errors import CommandLineError
from command_line.resume import Resumed, find_checkpoint
from command_line.run_config import RunConfig
from command_line.run_loggers import share_folder
from command_line.run_settings import settings_of
from command_line.trainer_defaults import trainer_defaults
from command_line.whole_checkpoints import WholeCheckpoints
from datamodules import *  # noqa: F403 – imported classes can be named by their short names
from lightning_modules import *  # noqa: F403 – as above
from lightning_modules import ObjectiveModule


class FitCLI(LightningCLI):
    """Parses a fit's configuration and builds `model`, `datamodule` and `trainer`; it runs nothing.

    Args:
        args: command-line arguments, or a configuration as a dict.
        callbacks: further callbacks.

    Attributes:
        resumed: the checkpoint that the fit goes on from; None for a new run.
        tested_epoch: whose weights were tested, if not the last ones; None until then.
    """

    def __init__(self, args: list[str] | dict[str, Any], callbacks: tuple[Callback, ...] = ()) -> None:
        self.training_time, self.convergence_status = TrainingTime(), ConvergenceStatus()
        self.best_checkpoint = BestCheckpoint()
        self.further_callbacks = callbacks
        self.resumed: Resumed | None = None
        self.tested_epoch: int | None = None
        super().__init__(
            ObjectiveModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            run=False,
            args=args,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_class=FitParser,
            save_config_callback=RunConfig,
            save_config_kwargs={"overwrite": True, "save_to_log_dir": False},
            trainer_defaults=trainer_defaults(),
            parser_kwargs={
                "prog": "fit.py",
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
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            default=None,
            help="Checkpoint to resume from, or last: the last one of this data, model and method, whose run is continued.",
        )
        parser.add_argument(
            "--checkpoint_every_n_steps",
            type=int | None,
            default=None,
            help="Write last.ckpt every so many steps as well; null: at the end of each epoch.",
        )
        parser.add_class_arguments(CoefficientIntervals, "coefficients", skip={"status"}, instantiate=False)
        parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
        parser.add_lightning_class_args(GradientNorms, "gradient_norms")
        parser.add_lightning_class_args(TestMetrics, "test_metrics")
        parser.add_lightning_class_args(CurvatureDiagnostics, "curvature")
        parser.add_lightning_class_args(LayerHistograms, "histograms")
        for name, setting in LINKS.items():
            parser.link_arguments(f"data.{name}", f"model.init_args.{setting}", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        refuse_linked(args)
        super().parse_arguments(parser, with_ours(args))

    def before_instantiate_classes(self) -> None:
        """What one part of the configuration says of another.

        Where the data module would guess whether its targets are classes, the model says it; loggers are told where to write.
        """
        task, data, trainer = (
            getattr(class_of(self.config.model.class_path), "task", None),
            self.config.data,
            self.config.trainer,
        )
        if not isinstance(self.config.model.init_args.optimizer, Namespace):  # the parser takes a function as well
            raise CommandLineError("--model.optimizer names a function: name a class, or give the function from Python")
        refuse_null("--data", data)
        refuse_null("--model", self.config.model, tuple(LINKS.values()))
        if task is not None and data.get("init_args", {}).get("task") == "auto":
            data.init_args.task = task
        check_trainer(trainer)
        for option, off in BARE.items() if trainer.barebones else ():  # Lightning would refuse what is the default here
            trainer[option] = off if trainer[option] in (None, self.trainer_defaults.get(option)) else trainer[option]
        self._kept_settings = settings_of(self.config)
        self._logger_asked_for = trainer.logger
        logs, name = Path(trainer.default_root_dir or ".") / "logs", "/".join(self.names)
        trainer.logger = placed(trainer.logger, logs, name, {})
        if wanted := self.config.ckpt_path:
            if trainer.fast_dev_run:
                raise ValueError("--trainer.fast_dev_run goes on from no checkpoint: leave it out, or --ckpt_path")
            root = Path(trainer.default_root_dir or ".")
            self.resumed = find_checkpoint(wanted, first_of(trainer.logger), root, self._kept_settings)
            self.config.ckpt_path = None  # config.yaml repeats the run, not its interruption
            trainer.logger = placed(trainer.logger, logs, name, self._continued(wanted))

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
        self.config.trainer.logger = self._logger_asked_for  # config.yaml says what was asked for
        if config.logger is False:
            self.save_config_callback = None  # without a run folder it would write into the current one
        share_folder(listed(config.logger))
        plugins = listed(config.plugins)
        if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
            kwargs["plugins"] = [WholeCheckpoints(), *plugins]
        if not self.has_validation:
            kwargs["limit_val_batches"] = 0
        named = listed(config.callbacks)
        check_callbacks(named)
        if any(isinstance(callback, ProgressBar) for callback in named):
            kwargs["enable_progress_bar"] = True
        kwargs["callbacks"] = [self.training_time, *named, *self._callbacks(config)]
        return super().instantiate_trainer(**kwargs)

    def _continued(self, wanted: str) -> dict[str, Any]:
        """A run resumed from its last checkpoint goes on in its own folder; what it logged after that step counts no more."""
        if self.resumed is None or wanted != "last":
            return {}
        folder = self.resumed.path.parents[1].name
        number = folder.removeprefix("version_")
        return {
            "version": int(number) if number.isdigit() else folder,
            "purge_step": self.resumed.step,
        }

    def _callbacks(self, config: Any) -> list[Callback]:
        self.coefficient_intervals = CoefficientIntervals(self.convergence_status, **vars(self.config.coefficients))
        callbacks = [
            TrainMetrics(self.config.test_metrics.every_n_epochs),
            self.convergence_status,
            self.coefficient_intervals,
            ConfusionMatrix(),
            MetricCharts(),
            *(watch(self.config.gradient_norms.every_n_steps) for watch in (LearningRate, UpdateRatios, CurvatureQuantiles)),
            StepCourse(),
            PenaltyChoice(has_bar=bool(config.enable_progress_bar)),
            TwoViewGrid(),
            *([FeatureBaselines()] if self.config.feature_baselines else []),
            NearestNeighbors(every_n_epochs=self.config.test_metrics.every_n_epochs),
            EmbeddingProjector(),
            HyperParameters(chosen_settings(self.names, self.config)),
            *self.further_callbacks,
            ReplicaCheck(),
            StopDecision(),
            MonitoredValues(),
            RunSettings(self._kept_settings),
            RandomStates(),
        ]
        if config.enable_checkpointing is not False and not config.fast_dev_run:
            callbacks += [self.best_checkpoint] if self.has_validation else []
            callbacks += [LastCheckpoint(self.config.checkpoint_every_n_steps), FinalCheckpoint()]
        if config.enable_progress_bar and not any(isinstance(callback, ProgressBar) for callback in listed(config.callbacks)):
            callbacks.append(FitProgress())
        return callbacks


def listed(given: Any) -> list[Any]:
    """What may be given as a list, as one thing, or not at all."""
    return given if isinstance(given, list) else [] if given is None else [given]
