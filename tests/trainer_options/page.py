"""The page of the table for readers: `python -m tests.trainer_options.page` writes docs/trainer_options.md."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Protocol

from tests.conftest import ROOT
from tests.trainer_options.expectations import METHODS, Expectation, NotApplicable, Refused, Works
from tests.trainer_options.table import SECTIONS
from tests.trainer_options.table_command_line import LINES

PAGE = ROOT / "docs" / "trainer_options.md"


class Tried(Protocol):
    """An option with a value and what is expected of it: of the Trainer, or of the command line."""

    @property
    def option(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def needs(self) -> str: ...
    @property
    def expected(self) -> Mapping[str, Expectation]: ...


def versions() -> str:
    """Of the libraries whose options these are, without the last number."""
    return ", ".join(f"{name} {'.'.join(version(name).split('.')[:2])}" for name in ("pytorch-lightning", "torch"))


def mark(row: Tried, method: str) -> str:
    expected = row.expected[method]
    if row.needs or isinstance(expected, NotApplicable):
        return "–"
    if isinstance(expected, Refused):
        return "refused"
    return "same bits" if expected.like_plain else "works"


def why(row: Tried) -> str:
    """Each reason once, in the order of the methods."""
    needs = [f"needs {row.needs}"] if row.needs else []
    return "; ".join(dict.fromkeys([*needs, *(one.why for one in row.expected.values() if not isinstance(one, Works))]))


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def table(rows: Iterable[Tried], methods: Sequence[str]) -> list[str]:
    lines = [f"| option | value | {' | '.join(methods)} | why |", "|---|---|" + "---|" * (len(methods) + 1)]
    for row in rows:
        marks = [mark(row, method) for method in methods]
        lines.append(f"| `{cell(row.option)}` | `{cell(row.value)}` | {' | '.join(marks)} | {cell(why(row))} |")
    return lines


def optimizers(rows: Iterable[Tried]) -> list[str]:
    lines = ["| class | as the method of a network | why |", "|---|---|---|"]
    return lines + [f"| `{row.value}` | {mark(row, row.value)} | {why(row)} |" for row in rows]


def page() -> str:
    """All of the page."""
    sections: dict[str, Sequence[Tried]] = {**SECTIONS, "What fit.py and LightningCLI add": LINES}
    counts = Counter(mark(row, method) for rows in sections.values() for row in rows for method in row.expected)
    lines = [
        "# Lightning's options under every method",
        "",
        "Written from the table that the tests in `tests/trainer_options` walk, by `python -m tests.trainer_options.page`;",
        f"with {versions()}.",
        "",
        f"{counts.total()} cells: {counts['same bits'] + counts['works']} work, of which {counts['same bits']} end with the "
        f"same bits as a plain LightningModule with automatic optimization; {counts['refused']} are refused in one line before "
        f"anything is computed; {counts['–']} cannot be tried here. None ends otherwise.",
        "",
        "| | |",
        "|---|---|",
        "| same bits | every parameter is bit for bit that of a plain LightningModule with automatic optimization |",
        "| works | it trains as asked, which an assertion states |",
        "| refused | an error of one line before the first step; nothing is written |",
        "| – | not applicable |",
    ]
    for title, rows in sections.items():
        is_class = title == "Classes of torch.optim"
        lines += ["", f"## {title}", "", *(optimizers(rows) if is_class else table(rows, METHODS))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
