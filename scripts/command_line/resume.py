"""Which checkpoint a run resumes from, and whether it may."""

from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import torch

from callbacks.resuming.run_settings import RunSettings
from command_line.finite_weights import refuse_not_finite_weights
from command_line.named_loggers import is_ours
from command_line.run_settings import differences, other_settings
from command_line.whole_checkpoints import DamagedCheckpointError, newest_whole, read_run, written

# What a group of parameters holds besides the settings of its method.
OF_SCHEDULES = {"params", "initial_lr", "swa_lr"}


@dataclass(frozen=True)
class Resumed:
    """A whole checkpoint that a run goes on from.

    Attributes:
        path: the file.
        time: when it was written, in nanoseconds.
        step: how many steps the run had taken by then.
    """

    path: Path
    time: int
    step: int

    def check_unchanged(self) -> None:
        """Refuse a checkpoint that has been written since it was found.

        Raises:
            ValueError: says so.
        """
        if written(self.path) != self.time:
            raise ValueError(
                f"{self.path} has been written since this command began, by the run itself: give the command again"
            )


def find_checkpoint(wanted: str, logger: Any, root: Path, settings: dict[str, Any]) -> Resumed:
    """The file that `--ckpt_path` names; "last" is the last.ckpt of this run, written last where the run would have put it.

    Args:
        wanted: "last", or a path.
        logger: the first one, as parsed and with its folder; false for none.
        root: the trainer's folder.
        settings: of the run to resume, as `settings_of` has them.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the logger's runs are not where they could be found; it is of a run with other settings.
        DamagedCheckpointError: it is damaged; names the newest whole one.
    """
    experiment, runs = _place(logger, root)
    if wanted == "last":
        if experiment is None:
            raise ValueError(
                f"--ckpt_path=last does not know where {logger.class_path.rpartition('.')[2]} put the run: name its last.ckpt, "
                "--ckpt_path=FILE"
            )
        found = sorted(experiment.glob(f"{runs}checkpoints/last.ckpt"), key=written, reverse=True)
        if not found:
            raise FileNotFoundError(
                f"--ckpt_path=last: there is no checkpoint in {experiment}; start the run without --ckpt_path, from the same "
                "folder and with the same data, model and method as the one to resume"
            )
    else:
        found = [Path(wanted)]
    refusals: list[ValueError] = []
    for path in found:  # other runs with the same data, model and method may have other seeds or settings
        time = written(path) if path.is_file() else 0
        try:
            content = _read(path, experiment, runs)
        except DamagedCheckpointError as error:
            if not _is_of_another(path, settings):
                raise
            refusals.append(error)
            continue
        differing = differences(content.get(RunSettings.KEY, {}).get("settings", {}), settings)
        if not differing:
            return Resumed(path, time, content["global_step"])
        refusals.append(other_settings(path, differing))
    raise refusals[0]


def _is_of_another(path: Path, settings: dict[str, Any]) -> bool:
    """Whether a damaged checkpoint is of another run, as a whole one beside it says."""
    other = newest_whole(set(path.parent.glob("*.ckpt")) - {path})
    held = read_run(other).get(RunSettings.KEY, {}).get("settings", {}) if other else {}
    return bool(differences(held, settings))


def _read(path: Path, experiment: Path | None, runs: str) -> dict[str, Any]:
    """A whole checkpoint.

    Raises:
        FileNotFoundError: there is none.
        DamagedCheckpointError: it is damaged; names the newest whole one of the same runs or folder.
    """
    try:
        return read_run(path)
    except DamagedCheckpointError as error:
        near = experiment.glob(f"{runs}checkpoints/*.ckpt") if experiment else ()
        others = newest_whole({*near, *path.parent.glob("*.ckpt")} - {path})
        offer = (
            f"the newest whole one is {others}, resume with --ckpt_path={others}"
            if others
            else "there is no whole one beside it"
        )
        raise DamagedCheckpointError(f"{error}; {offer}") from error


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
    return Path(settings.save_dir, settings.name), f"{escape(version if isinstance(version, str) else f'version_{version}')}/"


def check_resumable(
    path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, dict[str, Any]], data: Any
) -> None:
    """Refuse a checkpoint of another model, method or setting: it would be continued as neither the old run nor the new.

    Args:
        path: of a whole checkpoint.
        model: to be resumed.
        optimizer: its method.
        settings: hyper-parameters of "model" and "data", plain.
        data: the data module, set up.

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
    refuse_not_finite_weights(path, content["state_dict"], model)
    groups = [set(state["param_groups"][0]) - OF_SCHEDULES for state in content["optimizer_states"]]
    if groups != [set(optimizer.param_groups[0]) - OF_SCHEDULES]:
        raise ValueError(
            f"{path} is of another method than {type(optimizer).__name__}: resume with the one it was written with"
        )
    held_settings = {"model": content.get("hyper_parameters", {}), "data": content.get("datamodule_hyper_parameters", {})}
    if differing := differences(held_settings, settings):
        raise other_settings(path, differing)
    rows = content.get(RunSettings.KEY, {}).get("rows")
    if rows is not None and hasattr(data, "rows_checksum") and rows != data.rows_checksum():
        raise ValueError(
            f"{path} was written with other rows than the data have now, or other names of columns or classes: a resumed run "
            "goes on with those it began with; restore the file, or start anew without --ckpt_path"
        )
