"""The settings of a run: as its checkpoints keep them, and compared when it goes on."""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

# Where the same data are, and how they are fetched, may change from one machine to another: their rows are compared instead.
PLACES = ("data_dir", "path", "test_path", "memory_map", "num_workers", "download")

# Of the trainer: what an epoch does. How many there are, on which machine and how they are watched may change.
OF_TRAINER = (
    "precision", "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm", "limit_train_batches",
    "overfit_batches",
)  # fmt: skip
# Two names of the same.
PRECISIONS = {"None": "32-true", "16": "16-mixed", "32": "32-true", "64": "64-true", "bf16": "bf16-mixed"}


def settings_of(config: Namespace) -> dict[str, Any]:
    """What makes a run the one it is: seed, data, model, method, and what an epoch does; plain values, nested."""
    trainer = {name: plain(config.trainer.get(name)) for name in OF_TRAINER}
    trainer["precision"] = PRECISIONS.get(str(trainer["precision"]), trainer["precision"])
    return {
        "seed_everything": plain(config.seed_everything),
        "trainer": trainer,
        "data": plain(config.data),
        "model": plain(config.model),
    }


def plain(value: Any) -> Any:
    """A setting as a checkpoint can hold it; of classes the short name, since the file that holds one may move."""
    if isinstance(value, (Namespace, dict)):
        entries = vars(value) if isinstance(value, Namespace) else value
        return {
            str(name): str(inner).rpartition(".")[2] if name == "class_path" else plain(inner)
            for name, inner in entries.items()
        }
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def other_settings(path: Path, differing: list[tuple[str, Any, Any]]) -> ValueError:
    """What to say where a run would go on with other settings than it began with, as `differences` has them."""
    return ValueError(
        f"{path} was written with {', '.join(f'{name}={old!r}, not {new!r}' for name, old, new in differing)}: "
        "a resumed run goes on with the settings it began with; repeat them, or start anew without --ckpt_path"
    )


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """(name, old value, new value) of settings that are not the same; those of nested classes by dotted names."""
    found: list[tuple[str, Any, Any]] = []
    for name in sorted(set(old) & set(new) - {"_instantiator", *PLACES}):
        a, b = old[name], new[name]
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, prefix if name == "init_args" else f"{prefix}{name}.")
        elif a != b and str(a) != str(b):
            found.append((f"{prefix}{name}".removesuffix(".class_path"), a, b))
    return found
