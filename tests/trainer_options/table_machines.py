"""Options of the Trainer that say on what and by how many processes a fit runs."""

import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.plugins import (
    AsyncCheckpointIO,
    DoublePrecision,
    HalfPrecision,
    MixedPrecision,
    TorchCheckpointIO,
    TorchSyncBatchNorm,
)
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, StrategyRegistry

from tests.trainer_options import checks
from tests.trainer_options.expectations import NotApplicable, Refused, Works, each, split
from tests.trainer_options.rows import Row, trainer_row
from tests.trainer_options.table_lengths import plain
from tests.trainer_options.table_numbers import LOW

GPU = NotApplicable("needs a GPU")
# What Lightning says where several processes share one machine of few cores.
SEVERAL = (".*does not have many workers", "It is recommended to use `self.log", "Unable to serialize instance")


def strategy(name: str) -> Row:
    """What can be expected of a strategy by its name, with one process on a CPU."""
    if name.startswith("deepspeed"):
        return trainer_row("strategy", name, each(NotApplicable("needs deepspeed")))
    if name.startswith("fsdp"):
        return trainer_row("strategy", name, each(GPU))
    if "xla" in name or "tpu" in name:
        return trainer_row("strategy", name, each(NotApplicable("needs a TPU")))
    if any(word in name for word in ("spawn", "fork", "notebook")):
        return trainer_row("strategy", name, each(Works()), program=True)
    return trainer_row("strategy", name, plain(checks.ends_after()), also={"devices": 1}, ignored=SEVERAL)


ROWS = [
    trainer_row("accelerator", "cpu", plain(checks.ends_after())),
    trainer_row("accelerator", "auto", plain(checks.ends_after())),
    *(trainer_row("accelerator", name, each(GPU)) for name in ("gpu", "cuda", "mps")),
    trainer_row("accelerator", "tpu", each(NotApplicable("needs a TPU"))),
    trainer_row("accelerator", "abacus", each(Refused("accelerator", "there is no such accelerator"))),
    trainer_row("strategy", "auto", plain(checks.ends_after())),
    *(strategy(name) for name in StrategyRegistry.available_strategies()),
    Row(
        "Trainer.strategy", "SingleDeviceStrategy()", plain(checks.ends_after()), lambda _: {"strategy": SingleDeviceStrategy()}
    ),
    Row(
        "Trainer.strategy",
        "DDPStrategy()",
        plain(checks.ends_after()),
        lambda _: {"strategy": DDPStrategy(), "devices": 1},
        ignored=SEVERAL,
    ),
    trainer_row("strategy", "ddq", each(Refused("strategy", "there is no such strategy"))),
    trainer_row("devices", 1, plain(checks.ends_after())),
    trainer_row("devices", "1", plain(checks.ends_after())),
    trainer_row("devices", "auto", plain(checks.ends_after())),
    trainer_row("devices", 0, each(Refused("devices", "there is nothing to compute on"))),
    trainer_row("devices", [0], each(GPU)),
    trainer_row("num_nodes", 1, plain(checks.ends_after())),
    trainer_row("num_nodes", 2, each(NotApplicable("needs a second machine"))),
    trainer_row("sync_batchnorm", True, plain(checks.ends_after())),
    trainer_row("use_distributed_sampler", False, plain(checks.ends_after())),
    trainer_row("use_distributed_sampler", True, plain(checks.ends_after())),
    Row("Trainer.plugins", "TorchCheckpointIO()", plain(checks.ends_after()), lambda _: {"plugins": TorchCheckpointIO()}),
    Row("Trainer.plugins", "[AsyncCheckpointIO()]", plain(checks.ends_after()), lambda _: {"plugins": [AsyncCheckpointIO()]}),
    Row("Trainer.plugins", "LightningEnvironment()", plain(checks.ends_after()), lambda _: {"plugins": LightningEnvironment()}),
    Row("Trainer.plugins", "TorchSyncBatchNorm()", plain(checks.ends_after()), lambda _: {"plugins": TorchSyncBatchNorm()}),
    Row(
        "Trainer.plugins",
        "DoublePrecision()",
        plain(checks.dtype(torch.float64)),
        lambda _: {"plugins": DoublePrecision(), "precision": None},
    ),
    Row(
        "Trainer.plugins",
        "HalfPrecision('bf16-true')",
        split(LOW, Works(checks.dtype(torch.bfloat16), like_plain=True)),
        lambda _: {"plugins": HalfPrecision("bf16-true"), "precision": None},
    ),
    Row(
        "Trainer.plugins",
        "MixedPrecision('bf16-mixed', 'cpu')",
        split(LOW, Works(checks.ends_after(), like_plain=True)),
        lambda _: {"plugins": MixedPrecision("bf16-mixed", "cpu"), "precision": None},
    ),
]
