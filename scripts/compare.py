"""Run several methods on one task with the same split and start, and write a report. `--help` lists the options."""

import sys
from pathlib import Path
from typing import Any

from command_line.base_config import read_config
from command_line.one_line_errors import run
from command_line.one_line_parser import OneLineParser
from comparing.class_figures import draw_class_figures
from comparing.figures import draw_figures
from comparing.observations import observe
from comparing.peer_runs import read_peers
from comparing.report import write_report
from comparing.side_by_side import fit_side_by_side
from comparing.study import refuse_if_all_diverged
from comparing.study_figures import draw_study
from comparing.study_report import write_study
from comparing.study_run import num_fits, study_all
from fit import quiet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

COMPARISONS = Path(__file__).parent / "comparisons"


def main(args: list[str]) -> None:
    """Run the comparison that the arguments name."""
    quiet()
    known = ", ".join(sorted(file.stem for file in COMPARISONS.glob("*.yaml")))
    parser = OneLineParser(prog="compare.py", description=__doc__)
    parser.add_argument("name", help=f"A comparison: {known}, or the path of a YAML file like theirs.")
    parser.add_argument("--output", type=str, default=None, help="Folder of the report; default reports/<name>/version_n.")
    parser.add_argument("--data_dir", type=str, default=None, help="Folder of the data, where the data set needs one.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    path = COMPARISONS / f"{options.name}.yaml"
    if not path.is_file():
        path = Path(options.name)
    if not path.is_file():
        raise FileNotFoundError(f"there is no comparison {options.name!r}: choose among {known}, or name a YAML file")
    comparison = read_config(path)
    missing = [key for key in ("title", "data", "model", "methods") if not comparison.get(key)]
    if comparison.get("seeds") and "select" not in comparison:
        missing.append("select")
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: compare it with scripts/comparisons/breast_cancer.yaml")
    if options.data_dir is not None:
        comparison["data"].setdefault("init_args", {})["data_dir"] = options.data_dir
    output = Path(options.output) if options.output else next_version(Path("reports") / path.stem)
    table = (studied if comparison.get("seeds") else compared)(comparison, output)
    Console().print(table)
    Console().print(f"report: {output / 'report.html'}", highlight=False, soft_wrap=True)


def compared(comparison: dict[str, Any], output: Path) -> Table:
    """Run every method once, watching all measures after every epoch, and write the report."""
    peers = read_peers(comparison)
    found = fit_side_by_side(comparison, peers)
    found.refuse_if_all_diverged()
    runs, by_label = found.runs, found.by_label()
    said = [text for label, peer in peers.items() if label in by_label for text in peer.observe(by_label[label], by_label)]
    said += [f"{label} diverged ({reason}), so it has no row." for label, reason in found.diverged.items()]
    output.mkdir(parents=True, exist_ok=True)
    _, *curves = draw_figures(runs, output)
    return write_report(comparison["title"], runs, observe(runs, said), curves, draw_class_figures(runs, output), output)


def studied(comparison: dict[str, Any], output: Path) -> Table:
    """Choose every method's settings on validation, run it over seeds or folds, test each run once, and write the report."""
    columns = (
        TextColumn("{task.description:24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("fits"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=num_fits(comparison))
        studies = study_all(comparison, lambda label: progress.update(task, advance=1, description=label))
    refuse_if_all_diverged(studies)
    output.mkdir(parents=True, exist_ok=True)
    return write_study(comparison, studies, draw_study(studies, comparison["select"], output), output)


def next_version(folder: Path) -> Path:
    """The first of version_0, version_1, … that does not exist."""
    number = 0
    while (folder / f"version_{number}").exists():
        number += 1
    return folder / f"version_{number}"


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
