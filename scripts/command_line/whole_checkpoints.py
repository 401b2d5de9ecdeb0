"""Checkpoint files that are whole or not there, and run nothing when they are read."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from command_line.checkpoint_form import is_endless, wrong_part
from command_line.whole_files import whole_file


class DamagedCheckpointError(ValueError):
    """A checkpoint file that is not whole, or holds more than plain values."""


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's way to files: written beside the old one, flushed to disk and renamed; read with every byte checked."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write all or nothing.

        Raises:
            OSError: the folder cannot be written, or the disk is full; what was there before still is.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, durable=True) as temporary, temporary.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            if isinstance(error, RuntimeError) and not isinstance(error.__context__, OSError):
                raise
            cause = error.__context__ if isinstance(error, RuntimeError) else error
            raise OSError(
                f"the checkpoint {path} could not be written ({getattr(cause, 'strerror', None) or cause}): free or choose "
                "another disk with --trainer.default_root_dir; an earlier checkpoint is left as it was"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = lambda storage, _: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a whole file of plain values and tensors, whatever `weights_only` says.

        Raises:
            FileNotFoundError: there is no such file.
            DamagedCheckpointError: it is damaged, or would have to run code.
        """
        return read_checkpoint(Path(path), map_location)


def read_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The content of a whole file of plain values and tensors, see `WholeCheckpoints.load_checkpoint`."""
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no checkpoint {path}{' (it is a folder)' if path.is_dir() else ''}: check --ckpt_path"
        )
    if reason := damage(path):
        raise DamagedCheckpointError(f"the checkpoint {path} is damaged ({reason})")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sparse numbers, which no run writes
            content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise DamagedCheckpointError(
            f"the checkpoint {path} holds more than plain values and tensors, and reading it could run foreign code: it is not "
            "one of this project's"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise DamagedCheckpointError(f"the checkpoint {path} is damaged ({' '.join(str(error).split())[:80]})") from error
    if not isinstance(content, dict):
        raise DamagedCheckpointError(f"{path} is no checkpoint: it holds a {type(content).__name__}, not values by name")
    if is_endless(content):
        raise DamagedCheckpointError(f"{path} is no checkpoint: its lists repeat each other millions of times")
    return content


def read_run(path: Path) -> dict[str, Any]:
    """The content of a run's checkpoint; Lightning passes other files of plain values by the same way.

    Raises:
        FileNotFoundError, DamagedCheckpointError: as `read_checkpoint`; and where it is of something else than a run.
    """
    content = read_checkpoint(path)
    if wrong := wrong_part(content):
        raise DamagedCheckpointError(f"the checkpoint {path} holds no run of this project: {wrong}")
    return content


def damage(path: Path) -> str | None:
    """What is wrong with the file: it is an archive whose every member has a checksum, which torch itself does not compare.

    Its members are not compressed. Some that are could be a thousand times the size of the file, so nothing is read of them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                return "it is compressed, which checkpoints are not"
            if sum(member.file_size for member in members) > path.stat().st_size:
                return "its parts are larger than the file"
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        return f"it is truncated or no checkpoint: {' '.join(str(error).split())}"
    return None if broken is None else f"the checksum of its part {broken} is wrong"


def newest_whole(paths: Iterable[Path]) -> Path | None:
    """The checkpoint written last among those that are whole."""
    return next((path for path in sorted(paths, key=written, reverse=True) if damage(path) is None), None)


def written(path: Path) -> int:
    """When, in nanoseconds."""
    return path.stat().st_mtime_ns
