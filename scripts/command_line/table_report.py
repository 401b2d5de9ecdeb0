"""What was done to a user's table, for the terminal, `summary.json` and TensorBoard."""

from typing import Any

from rich.padding import Padding
from rich.text import Text

from callbacks.names_as_text import in_markdown
from command_line.terminal import Terminal
from datamodules.messages import counted, shown

# Of one kind; all are in `summary.json`.
MOST_NAMED = 6
LOST = ("of weight 0", "without a target", "with missing values")


def as_plain(report: Any) -> dict[str, Any] | None:
    """What became of the rows and of each column, and what was done, by the words that say it; None without a report."""
    if report is None:
        return None
    done = {topic.done: list(items) for topic, items in report.items.items() if items}
    return {"rows": dict(report.rows), "columns": dict(report.columns), "done": done, "lines": report.lines(MOST_NAMED)}


def show_report(console: Terminal, report: dict[str, Any] | None) -> None:
    """What became of the rows, and a line for each thing that was done."""
    if report is None:
        return
    lost = [f"{report['rows'][why]} {why}" for why in LOST if report["rows"].get(why)]
    parts = [f"{report['rows'][part]} for {part}" for part in ("training", "validation", "test") if report["rows"][part]]
    rows = f"{counted(report['rows']['read'])}: {', '.join([*lost, *parts])}"
    console.print(f"what was done to the table of {rows}" if report["lines"] else f"table of {rows}")
    for line in report["lines"]:
        what, _, items = shown(line).partition(": ")
        console.print(Padding(Text.assemble("• ", (what, "bold"), ": ", items), (0, 0, 0, 2)))


def markdown(report: dict[str, Any]) -> str:
    """For TensorBoard's text tab: rows, columns, and what was done."""
    rows = [f"| {name} | {count} |" for name, count in report["rows"].items()]
    columns = [f"| {in_markdown(name)} | {in_markdown(what)} |" for name, what in report["columns"].items()]
    done = [f"* {in_markdown(line)}" for line in report["lines"]]
    table = ["| rows | |", "|---|---|", *rows, "", "| column | |", "|---|---|", *columns]
    return "\n".join([*done, "", *table])
