"""MNIST's files, damaged or not those of each other: refused in one line."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules import MNISTDataModule
from datamodules.images.mnist_download import FILES
from tests.idx_files import write_idx, write_mnist


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The folder of the files of 300 training and 60 test images."""
    write_mnist(tmp_path)
    return tmp_path / "MNIST" / "raw"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "truncated", "longer", "magic", "packed"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, raw: Path, name: str, damage: str) -> None:
    content = (raw / name).read_bytes()
    damaged = {
        "empty": b"",
        "truncated": content[:-7],
        "longer": content + b"\0",
        "magic": b"\0\0\x09" + content[3:],
        "packed": gzip.compress(content),
    }
    (raw / name).write_bytes(damaged[damage])
    with pytest.raises(ValueError) as refusal:
        MNISTDataModule(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    assert str(raw / name) in message
    assert "\n" not in message
    assert sorted(path.name for path in raw.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("train-labels-idx1-ubyte", np.arange(299) % 10, "300 images but 299 labels"),
        ("t10k-labels-idx1-ubyte", np.arange(61) % 10, "60 images but 61 labels"),
        ("train-labels-idx1-ubyte", np.arange(300) % 12, "50 labels are not 0 to 9 (first 10, image 10)"),
        ("t10k-labels-idx1-ubyte", np.arange(60) % 9, "there is no image of 9 among 60: choose other digits"),
        ("train-images-idx3-ubyte", np.zeros((300, 20, 20)), "images of 20 × 20 pixels, not 28 × 28"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, raw: Path, name: str, values: Any, says: str) -> None:
    write_idx(raw / name, values)
    with pytest.raises(ValueError) as refusal:
        MNISTDataModule(str(tmp_path)).prepare_data()
    assert says in str(refusal.value)
    assert str(raw / name.split("-", maxsplit=1)[0]) in str(refusal.value)
    assert "\n" not in str(refusal.value)
