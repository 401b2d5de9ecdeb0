"""Small files in the format of MNIST's."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_idx(path: Path, values: Any) -> None:
    """An IDX file of uint8 values."""
    values = np.asarray(values, dtype=np.uint8)
    path.write_bytes(bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes())


def write_mnist(root: Path, train: int = 300, test: int = 60) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """MNIST's four files with random images, every digit equally often; returns (images, labels) of "train" and "t10k"."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    written = {}
    for prefix, n in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = generator.permutation(np.arange(n, dtype=np.uint8) % 10)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
        written[prefix] = (images, labels)
    return written
