"""The sections of the benchmark, and what a run of one gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from evidence.benchmarks import diagonal, glm, gpu, memory, networks, overhead, scaling, two_view
from evidence.benchmarks.row import BenchmarkRow
from evidence.provenance import machine, provenance


class Section(NamedTuple):
    """A section.

    Attributes:
        measure: yields its rows one by one, and remarks where something could not be measured; takes the folder of the data.
        num_rows: how many they are, for the progress bar.
        peers: distributions that it is measured against.
    """

    measure: Callable[[str], Iterator[BenchmarkRow | str]]
    num_rows: int
    peers: tuple[str, ...] = ()


SECTIONS = {
    "glm": Section(glm.time_to_optimum, glm.NUM_ROWS, ("scikit-learn",)),
    "networks": Section(networks.time_to_rivals_scores, networks.NUM_ROWS, ("pytorch-minimize",)),
    "diagonal": Section(diagonal.time_diagonals, diagonal.NUM_ROWS, ("backpack-for-pytorch",)),
    "two_view": Section(two_view.count_views_per_second, two_view.NUM_ROWS, ("lightly", "torchvision")),
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
    remarks: list[str] = field(default_factory=list)
    error: Exception | None = None

    def plain(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {**self.provenance, "remarks": self.remarks, "rows": [row.plain() for row in self.rows]}


def measure_section(name: str, data_dir: str) -> Measurements:
    """Run a section; what ends it early is kept, so that the others run, and so are the rows until then."""
    section, console = SECTIONS[name], Console(stderr=True)
    found = Measurements(provenance(section.peers))
    rows = track(section.measure(data_dir), description=name, total=section.num_rows, console=console, transient=True)
    try:
        for given in rows:
            if isinstance(given, str):
                found.remarks.append(given)
            else:
                found.rows.append(given)
    except (ArithmeticError, OSError, ValueError) as error:
        found.error = error
    return found


def section_table(name: str, rows: list[BenchmarkRow]) -> Table:
    """Medians with their range, and the ratio of ours to theirs."""
    table = Table("case", "ours", "theirs", "peer", "ours ÷ theirs", "better", title=f"{name} ({machine()})")
    for row in rows:
        table.add_row(*row.cells())
    return table
