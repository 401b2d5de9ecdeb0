"""What of Lightning's trainer a fit cannot do, refused before anything is computed."""

import re
from importlib.util import find_spec

from jsonargparse import Namespace
from pytorch_lightning import callbacks as lightning
from pytorch_lightning.callbacks import Callback

BASES = (lightning.BaseFinetuning, lightning.BasePredictionWriter, lightning.Checkpoint, lightning.ProgressBar, Callback)
# What `--trainer.barebones=true` means for options whose default here is another than Lightning's.
BARE = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    "log_every_n_steps": 0, "num_sanity_val_steps": 0,
}  # fmt: skip
# Checkpoints that every run writes.
OWN = ("best", "final", "last")
SPAWNED = re.compile(r"ddp_(spawn|fork|notebook)")
SHARDED = re.compile(r"fsdp|deepspeed|model_?parallel|xla", re.IGNORECASE)


def is_possible(strategy: str) -> bool:
    """Whether a strategy of this name is one for the models here."""
    return not (SPAWNED.match(strategy) or SHARDED.match(strategy))


def check_trainer(config: Namespace) -> None:
    """Refuse options of the trainer by their values.

    Raises:
        ValueError: says which, why, and what to take instead.
    """
    strategy = config.strategy
    name = strategy.class_path.rpartition(".")[2] if isinstance(strategy, Namespace) else str(strategy)
    settings = strategy.get("init_args", {}) if isinstance(strategy, Namespace) else {}
    if SPAWNED.match(name) or settings.get("start_method", "popen") != "popen":
        raise ValueError(
            f"--trainer.strategy={name} starts its processes by multiprocessing, and what they find out stays with them: take "
            "--trainer.strategy=ddp, which gives the same numbers"
        )
    if SHARDED.match(name):
        raise ValueError(
            f"--trainer.strategy={name} gives each process a part of the model, and the methods here need all parameters on "
            "each: take --trainer.strategy=ddp, which divides the rows"
        )
    if config.profiler == "xla" and find_spec("torch_xla") is None:
        raise ValueError("--trainer.profiler=xla needs torch_xla, which is not installed: take simple, advanced or pytorch")
    if "://" in str(config.default_root_dir or ""):
        raise ValueError(
            f"--trainer.default_root_dir={config.default_root_dir} is no folder of this machine: write to one, and copy it "
            "when the run is over"
        )
    if config.check_val_every_n_epoch is not None and config.check_val_every_n_epoch < 1:
        raise ValueError(
            f"--trainer.check_val_every_n_epoch={config.check_val_every_n_epoch}: give a number ≥ 1; without validation, "
            "--data.val_fraction=0"
        )


def check_callbacks(named: list[Callback]) -> None:
    """Refuse those of Lightning's callbacks that cannot be named here. Others the model refuses: its `check_trainer`.

    Raises:
        ValueError: says which, why, and what to do instead.
    """
    if len(bars := [type(callback).__name__ for callback in named if isinstance(callback, lightning.ProgressBar)]) > 1:
        raise ValueError(f"--trainer.callbacks holds {' and '.join(bars)}, and there is one progress bar: leave one out")
    for callback in named:
        if type(callback) in BASES:
            raise ValueError(
                f"--trainer.callbacks={type(callback).__name__} is a base of others and does nothing itself: name one of "
                "those, --trainer.callbacks.help lists Lightning's, such as BackboneFinetuning"
            )
        if isinstance(callback, lightning.ModelCheckpoint) and callback.dirpath is None and callback.filename in OWN:
            raise ValueError(
                f"--trainer.callbacks={type(callback).__name__} would write the run's own {callback.filename}.ckpt: give it "
                "another filename, or a dirpath"
            )
