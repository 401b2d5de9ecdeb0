"""A table with weights, and the same with rows repeated as often as these say."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from datamodules import TabularDataModule

N = 240


def columns(seed: int = 0, zeros: bool = True) -> dict[str, Any]:
    """Features of every kind, some cells missing, an offset, an exposure, and whole weights, some of them 0."""
    generator = np.random.default_rng(seed)
    x, missing = generator.normal(size=N), generator.random((2, N)) < 0.1
    weights = generator.integers(0 if zeros else 1, 5, N)
    colours = generator.choice(["red", "green", "blue", "grey", "mint"], N, p=[0.45, 0.3, 0.2, 0.03, 0.02])
    days = np.datetime64("2020-01-01") + generator.integers(0, 700, N)
    shift, years = generator.normal(size=N), generator.uniform(0.5, 4, N)
    return {
        "x": [None if m else v for v, m in zip(x.tolist(), missing[0], strict=True)],
        "colour": [None if m else v for v, m in zip(colours.tolist(), missing[1], strict=True)],
        "day": pa.array(days).cast(pa.string()),
        "w": weights.tolist(),
        "shift": shift.tolist(),
        "years": years.tolist(),
        "y": np.where(x + shift + generator.normal(size=N) > 0, "yes", "no").tolist(),
        "n": generator.poisson(years * np.exp(0.3 * x)).tolist(),
        "z": (x + generator.normal(size=N)).tolist(),
    }


def repeated(contents: dict[str, Any]) -> dict[str, Any]:
    """Each row as often as its weight says, without the column of weights."""
    table = pa.table(contents)
    rows = table.take(pa.array(np.repeat(np.arange(len(table)), contents["w"])))
    return dict(zip(rows.column_names, rows.columns, strict=True)) | {"w": [1] * len(rows)}


def written(path: Path, contents: dict[str, Any]) -> str:
    pyarrow.csv.write_csv(pa.table(contents), path)
    return str(path)


def pair(folder: Path, **options: Any) -> tuple[TabularDataModule, TabularDataModule]:
    """Data modules with weights and with repeated rows; training rows in one file, test rows in the other."""
    made = []
    for name, of_table in (("weighted", lambda table: table), ("repeated", repeated)):
        train, test = (written(folder / f"{name}_{seed}.csv", of_table(columns(seed))) for seed in (0, 1))
        settings = {"target": "y", "test_path": test, "val_fraction": 0.0, "exclude": ["w", "shift", "years", "n", "z"]}
        settings |= {"weights": "w"} if name == "weighted" else {}
        settings |= options
        own = {settings[role] for role in ("weights", "offset", "exposure") if settings.get(role)}
        settings["exclude"] = [column for column in settings["exclude"] if column not in (own | {settings["target"]})]
        settings["exclude"] += ["y"] if settings["target"] != "y" else []
        made.append(TabularDataModule(train, **settings))
    return made[0], made[1]
