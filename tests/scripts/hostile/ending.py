"""A hostile table fitted, predicted and reported, and what is wrong with how that ended."""

import csv
import io
import json
import os
import random
import re
import unicodedata
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import compare
import fit
import predict
import pyarrow.parquet
from command_line.one_line_errors import run
from command_line.yaml_text import from_yaml

from datamodules.columns.missing_codes import AMONG_TEXTS
from datamodules.files import TableFile
from tests.scripts.hostile.tables import HostileTable, hostile_table
from tests.trainer_options.fuzz_run import OutOfTime, at_most, contents
from tests.trainer_options.global_state import same_process_after

SECONDS = 120
TAGS = {"html", "div", "meta", "title", "style", "h1", "h2", "p", "table", "tr", "th", "td", "ul", "li", "img"}
# What Python, pyarrow, pandas, matplotlib and rich say, and our programs should not.
FOREIGN = re.compile(
    r"\(unexpected|unsupported operand|has no attribute|out of range|straddl|CSV parse|Arrow|codec can't|surrogates|markup"
    r"|mathtext|\bNone\b.*argument|invalid literal|could not convert|Expected \d+ columns"
)
LOCAL = re.compile(r"0x[0-9a-f]+|/\S+|'[^']*'|\"[^\"]*\"|[-+]?\d[\d.e+-]*")


@dataclass(frozen=True)
class Said:
    """How a program ended, and all it printed."""

    status: int
    printed: str

    @property
    def reason(self) -> str:
        return next((line for line in self.printed.splitlines() if line.startswith("error")), "")


@dataclass(frozen=True)
class Outcome:
    """How far a table came.

    Attributes:
        reached: "fitted", "predicted" or "reported", the last step that was not refused; "" for none.
        refused: the reason of the first refusal; "" for none.
        faults: what must not be.
    """

    reached: str
    refused: str
    faults: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The refusal without what is this table's alone."""
        return LOCAL.sub("…", self.refused)[:110]


def ending(seed: int, folder: Path) -> Outcome:
    """Draw the table of this seed, and run all three programs on it in this process."""
    folder.mkdir()
    root = folder / "runs[1]*"
    root.mkdir()
    table = hostile_table(random.Random(seed), folder)
    faults: list[str] = []
    line = table.fit(root)
    before = contents(folder)
    fitted = _run(fit, line, folder, faults)
    if fitted.status:
        left = contents(folder).keys() - before.keys()
        faults += [f"fit: refused, and left {sorted(map(str, left))[:3]}"] if left and not _says_it_failed(left) else []
        return Outcome("", fitted.reason, tuple(faults))
    summaries = [path for path in contents(root) if path.name == "summary.json"]
    checkpoints = [path for path in contents(root) if path.name == "last.ckpt"]
    if len(summaries) != 1 or len(checkpoints) != 1:
        return Outcome("", "", (*faults, f"fit: {len(summaries)} summaries and {len(checkpoints)} checkpoints"))
    faults += _wrong_json(summaries[0])
    held = from_yaml(summaries[0].with_name("config.yaml").read_text(encoding="utf-8"))["data"]["init_args"]
    faults += [f"config.yaml: holds {held!r}"] if table.data().items() - held.items() else []
    output = folder / f"out{table.output}"
    predicted = _run(predict, table.predict(checkpoints[0], output), folder, faults)
    if predicted.status:
        faults += ["predict: refused, and left its output"] if output.exists() else []
        return Outcome("fitted", predicted.reason, tuple(faults))
    faults += _wrong_predictions(table, output) if table.is_whole else []
    compared = _run(compare, table.compare(folder), folder, faults)
    if compared.status:
        return Outcome("predicted", compared.reason, tuple(faults))
    faults += _wrong_report(folder / "report")
    return Outcome("reported", "", tuple(faults))


def _run(program: Any, args: list[str], folder: Path, faults: list[str]) -> Said:
    """Run a program, and add what it must not print."""
    name, text = program.__name__, io.StringIO()
    with same_process_after(), at_most(SECONDS), redirect_stdout(text), redirect_stderr(text):
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            status = run(program.main, args)
        except OutOfTime:
            faults.append(f"{name}: not over after {SECONDS} s")
            return Said(-1, text.getvalue())
        except BaseException as error:
            faults.append(f"{name}: {type(error).__name__} passed the program: {error}")
            return Said(-1, text.getvalue())
    said = Said(status, text.getvalue())
    unseen = sorted({ascii(sign) for sign in said.printed if sign != "\n" and is_unseen(sign)})
    errors = [line for line in said.printed.splitlines() if line.startswith("error")]
    faults += [
        *([f"{name}: printed {unseen[:3]}"] if unseen else []),
        *([f"{name}: a traceback"] if "Traceback" in said.printed else []),
        *([f"{name}: {said.reason}"] if FOREIGN.search(said.reason) else []),
        *([f"{name}: {len(errors)} error lines"] if len(errors) != (status != 0) else []),
        *([f"{name}: {line}" for line in said.printed.splitlines() if "could not be drawn" in line]),
    ]
    return said


def is_unseen(sign: str) -> bool:
    """Whether a terminal obeys it, or nobody sees it."""
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in "\u200c\u200d"


def _says_it_failed(left: set[Path]) -> bool:
    summaries = [path for path in left if path.name == "summary.json"]
    return bool(summaries) and all(json.loads(path.read_text())["status"] == "failed" for path in summaries)


def _wrong_json(path: Path) -> list[str]:
    def refuse(number: str) -> None:
        raise ValueError(f"{number} is not JSON")

    try:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except ValueError as error:
        return [f"{path.name}: {error}"]
    return []


def _wrong_predictions(table: HostileTable, output: Path) -> list[str]:
    """As many rows as the table, and its classes by their names."""
    if output.suffix == ".parquet":
        held = pyarrow.parquet.read_table(output)
        names, rows = held.column_names, list(zip(*held.to_pydict().values(), strict=True))
    else:
        with output.open(newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
    faults = [f"predict: {len(rows)} rows of {len(table.rows)}"] if len(rows) != len(table.rows) else []
    first = 0 if table.kept is None else 1
    if not table.is_classes:
        return faults
    classes = {name.removeprefix("probability ") for name in names[first + 1 :]}
    file = TableFile(table.path)
    # Single quotes around most texts are taken for those of the file, which is said.
    around = "'" if not file.is_parquet and file.format.division.quote == "'" else ""
    cells = {cell.strip(around) if around else cell for cell in table.targets}
    if classes - cells or not cells - classes <= AMONG_TEXTS:
        faults.append(f"predict: classes {sorted(classes ^ cells)!r} are in one of table and predictions")
    if not {row[first] for row in rows} <= classes:
        faults.append(f"predict: named {sorted({row[first] for row in rows} - classes)!r}")
    return faults


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs if name.startswith("on"))}


def _wrong_report(folder: Path) -> list[str]:
    page, tags = (folder / "report.html").read_text(encoding="utf-8"), _Tags()
    tags.feed(page)
    unseen = sorted({ascii(sign) for sign in page if sign != "\n" and is_unseen(sign)})
    return [
        *([f"report: holds {unseen[:3]}"] if unseen else []),
        *([f"report: has {sorted(tags.found - TAGS)}"] if tags.found - TAGS else []),
        *_wrong_json(folder / "report.json"),
    ]
