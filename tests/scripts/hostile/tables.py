"""A table out of hostile names and cells, drawn from a seed, and the command lines that fit, predict and compare it."""

import codecs
import csv
import gzip
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from command_line.yaml_text import from_yaml, to_yaml, to_yaml_page

from tests.scripts.hostile.names import FILES, KINDS, NUMBERS

ROWS = (24, 60)


@dataclass(frozen=True)
class HostileTable:
    """A file and what it holds.

    Attributes:
        path: of the file.
        names: of its columns, as they stand there.
        rows: cells.
        target: place of the column of targets.
        is_classes: whether they were drawn as classes.
        kept: a column for predict.py to keep; None for none.
        output: ending of the predictions.
        label: of a method in the comparison.
        is_whole: whether the file holds these rows, and was not damaged.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    target: int
    is_classes: bool
    kept: str | None
    output: str
    label: str
    is_whole: bool

    @property
    def targets(self) -> set[str]:
        """Cells as the file has them, without blanks around."""
        return {row[self.target].strip() for row in self.rows}

    def data(self) -> dict[str, Any]:
        name = self.names[self.target].strip() or f"column {self.target + 1}"
        task = "classification" if self.is_classes else "regression"
        return {"path": str(self.path), "target": name, "task": task}

    def model(self) -> str:
        if not self.is_classes:
            return "LinearRegression"
        return "LogisticRegression" if len(self.targets) == 2 else "SoftmaxRegression"

    def fit(self, root: Path) -> list[str]:
        """By options, or by a file where YAML would take the target's name for something else than a text."""
        named = ["--data=TabularDataModule", *(f"--data.{name}={value}" for name, value in self.data().items())]
        if not is_text(self.data()["target"]):
            file = root / "fit.yaml"
            data = {"class_path": "TabularDataModule", "init_args": self.data()}
            file.write_text(to_yaml_page({"data": data, "model": {"class_path": self.model()}}), encoding="utf-8")
            named = [f"--config={file}"]
        return [
            f"--trainer.default_root_dir={root}", *named, f"--model={self.model()}",
            "--model.optimizer=Newton", "--trainer.max_epochs=5", "--trainer.enable_progress_bar=false",
        ]  # fmt: skip

    def predict(self, ckpt: Path, output: Path) -> list[str]:
        kept = [] if self.kept is None else [f"--keep={to_yaml([self.kept])}"]
        return [f"--ckpt={ckpt}", f"--data={self.path}", f"--output={output}", *kept]

    def compare(self, folder: Path) -> list[str]:
        method = {"max_epochs": 2, "optimizer": {"class_path": "Newton"}}
        comparison = {
            "title": self.label,
            "data": {"class_path": "TabularDataModule", "init_args": self.data()},
            "model": {"class_path": self.model(), "init_args": {"l2": 0.01}},
            "methods": {self.label: method},
        }
        file = folder / "comparison.yaml"
        file.write_text(to_yaml_page(comparison), encoding="utf-8")
        return [str(file), f"--output={folder / 'report'}"]


def is_text(name: str) -> bool:
    """Whether the command line can name a column so."""
    try:
        return not isinstance(from_yaml(name), (dict, list, type(None)))
    except Exception:
        return not name.startswith("{")


def hostile_table(rng: random.Random, folder: Path) -> HostileTable:
    """Two to five columns, one of them the target, in a file of any form."""
    width = rng.randint(2, 5)
    names = [_name(rng) if rng.random() < 0.6 else f"x{place}" for place in range(width)]
    target = rng.randrange(width)
    is_classes = rng.random() < 0.7
    count = rng.randint(*ROWS)
    columns = [
        (_classes(rng, count) if is_classes else _numbers(rng, count, rng.choice([0.0, 0.0, 0.03])))
        if place == target
        else _feature(rng, count)
        for place in range(width)
    ]
    rows = [list(row) for row in zip(*columns, strict=True)]
    is_ragged = rng.random() < 0.05
    if is_ragged:  # refused, or taken for a comment if the row begins with #, which is said
        rng.choice(rows).append("more")
    stem = rng.choice(FILES) if rng.random() < 0.3 else "table"
    path, is_whole = _written(rng, folder, stem, names, rows)
    kept = names[rng.randrange(width)].strip() if rng.random() < 0.3 else None
    label = _name(rng).strip() or "Newton"
    return HostileTable(
        path,
        names,
        rows,
        target,
        is_classes,
        kept or None,
        rng.choice([".csv", ".csv", ".parquet"]),
        label,
        is_whole and not is_ragged,
    )


def _name(rng: random.Random) -> str:
    name = rng.choice(rng.choice(KINDS))
    return name + rng.choice(rng.choice(KINDS))[:20] if rng.random() < 0.1 else name


def _classes(rng: random.Random, count: int) -> list[str]:
    names = [
        _name(rng) if rng.random() < 0.7 else rng.choice(["yes", "no", "setosa"])
        for _ in range(rng.choice([1, 2, 2, 2, 2, 3, 3, 4]))
    ]
    return [names[i % len(names)] if rng.random() < 0.9 else rng.choice(names) for i in range(count)]


def _numbers(rng: random.Random, count: int, odd: float) -> list[str]:
    return [rng.choice(NUMBERS) if rng.random() < odd else f"{rng.gauss(0, 1):.3f}" for _ in range(count)]


def _feature(rng: random.Random, count: int) -> list[str]:
    kind = rng.random()
    if kind < 0.5:
        return _numbers(rng, count, rng.choice([0.0] * 6 + [0.02, 0.1]))
    if kind < 0.95:
        levels = [_name(rng) for _ in range(rng.randint(1, 4))]
        return [rng.choice(levels) for _ in range(count)]
    return [rng.choice(NUMBERS) for _ in range(count)]


def _written(rng: random.Random, folder: Path, stem: str, names: list[str], rows: list[list[str]]) -> tuple[Path, bool]:
    if rng.random() < 0.15:
        path = folder / f"{stem}.parquet"
        columns = [pa.array([row[place] or None for row in rows], pa.string()) for place in range(len(names))]
        with path.open("wb") as file:
            pa.parquet.write_table(pa.Table.from_arrays(columns, names=names), file)
        return path, True
    text = io.StringIO()
    delimiter, quoting = rng.choice([",", ",", ",", ";", "\t", "|"]), rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=rng.choice(["\n", "\n", "\r\n"]))
    writer.writerows([names, *rows])
    content = text.getvalue().encode("utf-8", "surrogatepass")
    form = rng.random()
    if form < 0.1:
        content = codecs.BOM_UTF8 + content
    elif form < 0.15:
        content = text.getvalue().encode("utf-16")
    elif form < 0.17:
        content = content.replace(b"x", b"\0", 1)
    elif form < 0.19:
        content = content[: rng.randrange(len(content))]
    elif form < 0.2:
        content = bytes(rng.randrange(256) for _ in range(200))
    is_packed = rng.random() < 0.05
    path = folder / (f"{stem}.csv.gz" if is_packed else f"{stem}.csv")
    path.write_bytes(gzip.compress(content) if is_packed else content)
    return path, not 0.15 <= form < 0.2
