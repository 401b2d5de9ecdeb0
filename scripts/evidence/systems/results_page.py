"""The results of systems as one HTML page with the pictures inside, and the same numbers for machines."""

from pathlib import Path

from command_line.whole_files import write_json, write_whole
from comparing.page import escaped, html_table, inline, page

from evidence.provenance import measured
from evidence.systems.result import Result, plain

HEADINGS = ("figure", "published", "expected here", "obtained", "")
BODY = """<h1>{title}</h1>
<p>Measured: {measured}. Expected is what independent code gave on the same data: where a published number is wrong, the
right one.</p>
{overview}
{sections}
"""


def write_results(results: list[Result], output: Path) -> None:
    """index.html and results.json."""
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / "index.html", results_page(results))
    write_json(output / "results.json", {"systems": plain(results)})


def results_page(results: list[Result]) -> str:
    """The page: an overview, then a section for each system in the order of the results."""
    overview: list[tuple[str, ...]] = [
        (f"{r.system.number} {r.system.title}", r.verdict, f"{r.seconds:.0f} s") for r in results
    ]
    title = title_of(results)
    return page(
        title,
        BODY.format(
            title=escaped(title),
            measured=escaped(measured(plain(results))),
            overview=html_table(("system", "figures", "time"), overview),
            sections="\n".join(map(section, results)),
        ),
    )


def title_of(results: list[Result]) -> str:
    """With the number of those that have numbers: "2 of 3 published systems, run again" where one lacks its data."""
    ran, asked = sum(bool(result.outcome.claims) for result in results), len(results)
    return f"{asked if ran == asked else f'{ran} of {asked}'} published system{'' if asked == 1 else 's'}, run again"


def section(result: Result) -> str:
    """One system: what its published version got wrong, its numbers, remarks, pictures."""
    system, outcome = result.system, result.outcome
    parts = [f"<h2>{escaped(f'{system.number} {system.title}')}</h2>"]
    if system.wrong:
        parts.append(f"<p><b>Wrong in the published version.</b> {escaped(system.wrong)}</p>")
    if result.shortened:
        parts.append(f"<p><b>Shortened.</b> {escaped(result.shortened)}</p>")
    if not outcome.claims:
        parts.append(f"<p><b>No numbers.</b> {escaped(result.verdict)}</p>")
    if outcome.claims:
        parts.append(html_table(HEADINGS, result.rows()))
    if outcome.remarks:
        items = "\n".join(f"<li>{escaped(text)}</li>" for text in outcome.remarks)
        parts.append(f"<ul>\n{items}\n</ul>")
    parts += [f"<pre tabindex='0'>{escaped(table, lines=True)}</pre>" for table in outcome.tables]
    parts += [inline(picture) for picture in outcome.pictures]
    return "\n".join(parts)
