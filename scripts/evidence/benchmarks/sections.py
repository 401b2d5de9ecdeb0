"""The sections of the benchmark, and what a run of one gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from command_line.aligned_numbers import add_rows
from command_line.terminal import Terminal
from rich.progress import track
from rich.table import Table

from evidence.benchmarks import diagonal, estimators, glm, gpu, memory, networks, nist, overhead, scaling, two_view
from evidence.benchmarks.certified_run import CertifiedRun
from evidence.benchmarks.certified_tables import runs_table, summary_table
from evidence.benchmarks.others_warnings import unheard
from evidence.benchmarks.row import BenchmarkRow
from evidence.benchmarks.row_cells import HEADINGS, better_cell, row_cells
from evidence.provenance import machine, provenance

Given = BenchmarkRow | CertifiedRun | str


class Section(NamedTuple):
    """A section.

    Attributes:
        measure: yields its rows one by one, runs with a certified answer among them, and remarks where something could not be
            measured; takes the folder of the data.
        num_rows: how many rows and runs there are, for the progress bar.
        peers: distributions that it is measured against.
    """

    measure: Callable[[str], Iterator[Given]]
    num_rows: int
    peers: tuple[str, ...] = ()


SECTIONS = {
    "glm": Section(glm.time_to_optimum, glm.NUM_ROWS, ("scikit-learn", "glum", "tabmat", "skglm", "celer")),
    "estimators": Section(estimators.time_small_fits, estimators.NUM_ROWS, ("scikit-learn",)),
    "networks": Section(networks.time_to_rivals_scores, networks.NUM_ROWS, ("pytorch-minimize", "pytorch_optimizer")),
    "nist": Section(nist.fit_certified_curves, nist.NUM_ROWS, ("scipy", "torch-levenberg-marquardt")),
    "diagonal": Section(diagonal.time_diagonals, diagonal.NUM_ROWS, ("backpack-for-pytorch", "curvlinops-for-pytorch")),
    "two_view": Section(two_view.count_views_per_second, two_view.NUM_ROWS, ("lightly", "torchvision", "kornia")),
    "overhead": Section(overhead.time_steps, overhead.NUM_ROWS),
    "scaling": Section(scaling.measure_growth, scaling.NUM_ROWS),
    "memory": Section(memory.measure_peaks, memory.NUM_ROWS, ("scikit-learn", "backpack-for-pytorch")),
    "gpu": Section(gpu.compare_gpu_with_cpu, gpu.NUM_ROWS),
}


@dataclass
class Measurements:
    """What a section gave, and the error that ended it early.

    Attributes:
        provenance: what `evidence.provenance` said when it began.
    """

    provenance: dict[str, Any]
    rows: list[BenchmarkRow] = field(default_factory=list)
    runs: list[CertifiedRun] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    error: Exception | None = None

    @property
    def has_results(self) -> bool:
        """Whether there is something to show beside remarks."""
        return bool(self.rows or self.runs)

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        runs = {"runs": [run.plain() for run in self.runs]} if self.runs else {}
        return {**self.provenance, "remarks": self.remarks, "rows": [row.plain() for row in self.rows], **runs}


def measure_section(name: str, data_dir: str) -> Measurements:
    """Run a section; what ends it early is kept, so that the others run, and so are the rows until then."""
    section, console = SECTIONS[name], Terminal(stderr=True)
    found = Measurements(provenance(section.peers))
    rows = track(section.measure(data_dir), description=name, total=section.num_rows, console=console, transient=True)
    try:
        with unheard():
            for given in rows:
                if isinstance(given, str):
                    found.remarks.append(given)
                elif isinstance(given, CertifiedRun):
                    found.runs.append(given)
                else:
                    found.rows.append(given)
    except (ArithmeticError, OSError, ValueError) as error:
        found.error = error
    return found


def section_tables(name: str, found: Measurements) -> Iterator[Table]:
    """Of what the section gave: its runs with a certified answer, and its rows."""
    title = f"{name} ({machine()})"
    if found.runs:
        yield runs_table(title, found.runs)
        yield summary_table(title, found.runs)
    if found.rows:
        yield rows_table(title, found.rows)


def rows_table(title: str, rows: list[BenchmarkRow]) -> Table:
    """Medians with their range, the ratio of ours to theirs, and who wins."""
    table = Table(*HEADINGS, "better", title=title)
    add_rows(table, ((*row_cells(row), better_cell(row)) for row in rows))
    return table
