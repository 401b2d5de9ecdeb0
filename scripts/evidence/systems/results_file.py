"""The results of all systems as docs/results.json keeps them, and the table of them in docs/results.md."""

import json
import shutil
from pathlib import Path
from typing import Any

from command_line.whole_files import write_json

from evidence.page_tables import DOCS, markdown_table, write_block
from evidence.provenance import measured
from evidence.systems.result import Result, plain

RESULTS, PAGE = DOCS / "results.json", DOCS / "results.md"


def update_docs(results: list[Result], output: Path, order: list[str]) -> None:
    """Put these systems into docs/results.json, their pictures beside it, and all that is there into the page.

    Args:
        results: of the systems that were run.
        output: folder with their pictures.
        order: the numbers of all systems.

    Raises:
        ValueError: one of them could not be run.
    """
    empty = [f"{result.system.number} {result.verdict}" for result in results if not result.outcome.claims]
    if empty:
        raise ValueError(f"docs/results.md stays as it is: {'; '.join(empty)}")
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["systems"] if RESULTS.exists() else {}
    merged = kept | plain(results)
    content = {"systems": {number: merged[number] for number in order if number in merged}}
    for result in results:
        for name in result.system.page_pictures:
            shutil.copyfile(output / result.system.number / name, DOCS / f"systems_{result.system.number}_{name}")
    write_json(RESULTS, content)
    write_block(PAGE, "results", results_block(content))


def results_block(results: dict[str, Any]) -> str:
    """The block "results" of what `reproduce.py` keeps in docs/results.json: headline numbers, their count, pictures."""
    systems = results["systems"].values()
    rows = []
    for system in systems:
        label = f"{system['number']} {system['title']}"
        for figure in (figure for figure in system["figures"] if figure["headline"]):
            missed = "" if figure["verdict"] == "ok" else f" ({figure['verdict']})"
            cells = (label, figure["name"], figure["published"] or "–", figure["expected"], figure["obtained"] + missed)
            rows.append(cells)
            label = ""
    verdicts = [figure["verdict"] for system in systems for figure in system["figures"]]
    counted = f"{verdicts.count('ok')} of all {len(verdicts)} figures are as expected; `docs/results.json` has them."
    counted += f" Measured: {measured(results['systems'])}."
    table = markdown_table(("system", "figure", "published", "expected here", "obtained"), rows)
    pictures = [f"![{text}]({file})" for system in systems for file, text in system["pictures"].items()]
    return "\n\n".join([table, counted, *pictures]) + "\n"
