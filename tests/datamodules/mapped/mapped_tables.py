"""A table in a file, and the data modules that read it into memory and into files to be mapped."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from datamodules import TabularDataModule

N = 3000


def columns(target: str) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(N, 2)) * [1, 50] + [0, 1000]
    z = x[:, 0] + (x[:, 1] - 1000) / 50 + generator.normal(size=N)
    targets = {
        "text": np.where(z > 0, "yes", "no"),
        "flag": z > 0,
        "level": np.digitize(z, [-1, 1]),
        "number": z,
        "count": np.arange(N),
    }
    return {
        "id": [f"row {i}" for i in range(N)],
        "a": x[:, 0],
        "b": x[:, 1],
        "whole": generator.integers(0, 50, N),
        "colour": generator.choice(["red", "green", "blue"], N),
        "flag_feature": generator.random(N) > 0.5,
        "ward": generator.integers(0, 3, N),
        "y": targets[target],
    }


def written(folder: Path, kind: str, contents: dict[str, Any]) -> str:
    path = folder / f"table.{kind}"
    if kind == "csv":
        pyarrow.csv.write_csv(pa.table(contents), path)
    else:
        pyarrow.parquet.write_table(pa.table(contents), path, row_group_size=700)
    return str(path)


def mapped(path: str, **options: Any) -> TabularDataModule:
    settings = {"exclude": ["id"], "categorical": ["ward"], "memory_map": str(Path(path).parent / "maps")}
    return TabularDataModule(path, "y", **(settings | options))


def in_memory(path: str, **options: Any) -> TabularDataModule:
    return mapped(path, memory_map=None, **options)


def copies(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "maps").iterdir() if path.is_dir())
