"""Which checkpoint a run resumes from, and whether it may."""

from pathlib import Path
from typing import Any

import torch

from command_line.named_loggers import is_ours
from command_line.whole_checkpoints import DamagedCheckpointError, newest_whole, read_run, written

# Where the same data are, and how they are fetched, may change from one machine to another.
PLACES = ("data_dir", "path", "num_workers", "download")

# What a group of parameters holds besides the settings of its method.
OF_SCHEDULES = {"params", "initial_lr", "swa_lr"}


def find_checkpoint(wanted: str, logger: Any, root: Path) -> Path:
    """The file that `--ckpt_path` names; "last" is the last.ckpt written last where the run to resume would have put it.

    Args:
        wanted: "last", or a path.
        logger: the first one, as parsed and with its folder; false for none.
        root: the trainer's folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the logger's runs are not where they could be found.
        DamagedCheckpointError: it is damaged; names the newest whole one.
    """
    experiment, runs = _place(logger, root)
    if wanted == "last":
        if experiment is None:
            raise ValueError(
                f"--ckpt_path=last does not know where {logger.class_path.rpartition('.')[2]} put the run: name its last.ckpt, "
                "--ckpt_path=FILE"
            )
        found = sorted(experiment.glob(f"{runs}checkpoints/last.ckpt"), key=written)
        if not found:
            raise FileNotFoundError(
                f"--ckpt_path=last: there is no checkpoint in {experiment}; start the run without --ckpt_path, from the same "
                "folder and with the same data, model and method as the one to resume"
            )
        path = found[-1]
    else:
        path = Path(wanted)
    try:
        read_run(path)
    except DamagedCheckpointError as error:
        near = experiment.glob(f"{runs}checkpoints/*.ckpt") if experiment else ()
        others = newest_whole({*near, *path.parent.glob("*.ckpt")} - {path})
        offer = (
            f"the newest whole one is {others}, resume with --ckpt_path={others}"
            if others
            else "there is no whole one beside it"
        )
        raise DamagedCheckpointError(f"{error}; {offer}") from error
    return path


def _place(logger: Any, root: Path) -> tuple[Path | None, str]:
    """The folder of the runs with the same data, model and method, and the pattern of a run's folder in it."""
    if logger in (None, False):
        return root, ""
    if not is_ours(logger):
        return None, ""
    settings = logger.init_args
    version = settings.get("version")
    if version is None:
        return Path(settings.save_dir, settings.name), "*/"
    return Path(settings.save_dir, settings.name), f"{version if isinstance(version, str) else f'version_{version}'}/"


def check_resumable(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, dict[str, Any]]
) -> None:
    """Refuse a checkpoint of another model, method or setting: it would be continued as neither the old run nor the new.

    Args:
        path: of a whole checkpoint.
        model: to be resumed.
        optimizer: its method.
        settings: hyper-parameters of "model" and "data", plain.

    Raises:
        ValueError: what differs.
    """
    content = read_run(path)
    if "optimizer_states" not in content:
        raise ValueError(f"{path} holds weights only, and a run cannot go on from them: take a last.ckpt")
    held = {name: tuple(value.shape) for name, value in content["state_dict"].items()}
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if held != wanted:
        name = min(name for name in {*held, *wanted} if held.get(name) != wanted.get(name))
        raise ValueError(
            f"{path} is of another model: {name} is {held.get(name, 'missing')} there and {wanted.get(name, 'missing')} here; "
            "resume with the data and the model that it was written with"
        )
    groups = [set(state["param_groups"][0]) - OF_SCHEDULES for state in content["optimizer_states"]]
    if groups != [set(optimizer.param_groups[0]) - OF_SCHEDULES]:
        raise ValueError(
            f"{path} is of another method than {type(optimizer).__name__}: resume with the one it was written with"
        )
    for kind, key in (("model", "hyper_parameters"), ("data", "datamodule_hyper_parameters")):
        differing = differences(content.get(key, {}), settings[kind])
        if differing:
            raise ValueError(
                f"{path} was written with {', '.join(f'{kind}.{name}={old!r}, not {new!r}' for name, old, new in differing)}: "
                "a resumed run goes on with the settings it began with; repeat them, or start anew without --ckpt_path"
            )


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """(name, old value, new value) of settings that are not the same; those of nested classes by dotted names."""
    found: list[tuple[str, Any, Any]] = []
    for name in sorted(set(old) & set(new) - {"_instantiator", *PLACES}):
        a, b = old[name], new[name]
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{prefix}{name}.")
        elif a != b and str(a) != str(b):
            found.append((prefix + name.replace("init_args.", ""), a, b))
    return found
