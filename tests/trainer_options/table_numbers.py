"""Options of the Trainer that say how numbers are computed."""

import torch

from tests.trainer_options import checks
from tests.trainer_options.expectations import Expectation, NotApplicable, Refused, Works, each, split
from tests.trainer_options.rows import Row, trainer_row
from tests.trainer_options.table_lengths import plain

LOW = Refused("needs 32 or 64 bit precision", "half-precision curvature is noise")
NO_CLIPPING = Refused("gradient_clip_val", "the length of its step is its own")
NO_ENGINE = NotApplicable("needs transformer_engine and a GPU")
# A switch that Lightning answers on a CPU with another, and a warning.
SWITCHED = (
    "You passed `Trainer\\(accelerator='cpu', precision='16-mixed'\\)`",
    ".*precision=.* is supported for historical reasons",
)


def halves(dtype: torch.dtype) -> dict[str, Expectation]:
    """Fewer than 32 bits, of the weights or of the products only."""
    return split(LOW, Works(checks.dtype(dtype), like_plain=True))


ROWS = [
    trainer_row("precision", "64-true", plain(checks.dtype(torch.float64))),
    trainer_row("precision", "32-true", plain(checks.dtype(torch.float32))),
    trainer_row("precision", None, plain(checks.dtype(torch.float32))),
    trainer_row("precision", "64", plain(checks.dtype(torch.float64)), ignored=SWITCHED),
    trainer_row("precision", "32", plain(checks.dtype(torch.float32)), ignored=SWITCHED),
    trainer_row("precision", 64, plain(checks.dtype(torch.float64)), ignored=SWITCHED),
    trainer_row("precision", 32, plain(checks.dtype(torch.float32)), ignored=SWITCHED),
    trainer_row("precision", "bf16-true", halves(torch.bfloat16)),
    trainer_row("precision", "16-true", halves(torch.float16)),
    trainer_row("precision", "bf16-mixed", halves(torch.float32)),
    trainer_row("precision", "16-mixed", halves(torch.float32), ignored=SWITCHED),
    trainer_row("precision", "bf16", halves(torch.float32), ignored=SWITCHED),
    trainer_row("precision", "16", halves(torch.float32), ignored=SWITCHED),
    trainer_row("precision", 16, halves(torch.float32), ignored=SWITCHED),
    trainer_row("precision", "transformer-engine", each(NO_ENGINE)),
    trainer_row("precision", "transformer-engine-float16", each(NO_ENGINE)),
    trainer_row("gradient_clip_val", 0.1, split(NO_CLIPPING, Works(checks.ends_after(), like_plain=True))),
    trainer_row("gradient_clip_val", 1, split(NO_CLIPPING, Works(checks.ends_after(), like_plain=True))),
    Row(
        "Trainer.gradient_clip_algorithm",
        "'norm'",
        split(NO_CLIPPING, Works(checks.ends_after(), like_plain=True)),
        lambda folder: {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "norm"},
    ),
    Row(
        "Trainer.gradient_clip_algorithm",
        "'value'",
        split(NO_CLIPPING, Works(checks.ends_after(), like_plain=True)),
        lambda folder: {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
    ),
    trainer_row("gradient_clip_algorithm", "none", each(Refused("gradient_clip_algorithm", "there is no such algorithm"))),
    trainer_row("deterministic", True, plain(checks.ends_after())),
    trainer_row("deterministic", "warn", plain(checks.ends_after())),
    trainer_row("benchmark", True, plain(checks.ends_after())),
    trainer_row(
        "detect_anomaly",
        True,
        plain(checks.ends_after()),
        ignored=("You have turned on `Trainer\\(detect_anomaly=True\\)`", "Anomaly Detection has been enabled"),
    ),
    trainer_row("inference_mode", False, each(Works(checks.tested)), after="test"),
    trainer_row("inference_mode", True, each(Works(checks.tested)), after="test"),
]
