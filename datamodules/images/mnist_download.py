"""The MNIST files: which they are, where they belong, and how they get there whole or not at all."""

import shutil
import tempfile
from pathlib import Path

from torchvision.datasets import MNIST

from datamodules.images.idx import check_idx

# Name of each file and its number of dimensions.
FILES = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


def raw_folder(root: Path) -> Path:
    """Where torchvision keeps the files below `root`."""
    return root / "MNIST" / "raw"


def missing_files(root: Path) -> list[str]:
    """Names of the files that are not there."""
    return [name for name in FILES if not (raw_folder(root) / name).is_file()]


def fetch_files(root: Path, allowed: bool = True) -> None:
    """Fetch the missing files by torchvision, from its mirrors or from archives (.gz) that lie where the files belong.

    They are unpacked and checked in a folder of their own and moved to their place one by one, each in one step: neither
    an interruption nor another process finds half a file there.

    Args:
        root: folder that holds `MNIST/raw/`.
        allowed: False to refuse at once.

    Raises:
        OSError: not allowed, no network, a damaged archive, a folder that cannot be written.
    """
    folder = raw_folder(root)
    missing = missing_files(root)
    wanted = f"put {', '.join(missing)} (unpacked, or as .gz) into {folder}"
    bundled = "DigitsDataModule has small digits that need no file"
    if not allowed:
        raise FileNotFoundError(f"MNIST is not in {root}: set download=true, or {wanted}; {bundled}")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # On the same disk, so that moving is renaming.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as partial:
            fetched = raw_folder(Path(partial))
            fetched.mkdir(parents=True)
            for archive in folder.glob("*.gz"):
                shutil.copy(archive, fetched)  # torchvision unpacks it if its checksum is right
            MNIST(partial, download=True)
            for name in missing:
                check_idx(fetched / name, FILES[name])
            for name in missing:
                (fetched / name).replace(folder / name)
    except Exception as error:  # torchvision lets through whatever the network or the disk raised
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        reason = " ".join(str(error).split())
        raise OSError(
            f"MNIST is not in {root} and could not be downloaded ({type(error).__name__}: {reason}): connect to the network, "
            f"or {wanted}, or name the folder that holds MNIST/raw as data_dir; {bundled}"
        ) from error
