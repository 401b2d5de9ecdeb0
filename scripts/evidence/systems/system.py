"""A published experiment that is run again here: what it claims, what it takes, what comes out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from datamodules.california_housing import FILE as CALIFORNIA_FILE
from datamodules.images.mnist_download import missing_files
from evidence.systems.expectation import Expectation
from evidence.titles import SYSTEM_TITLES


@dataclass(frozen=True)
class Claim:
    """One number of a system.

    Attributes:
        name: what it is.
        published: as it was published, in words where that was wrong; empty where nothing was.
        expected: what it has to be here.
        obtained: what it is.
        digits: how to write it.
        is_headline: whether docs/results.md shows it.
    """

    name: str
    published: str
    expected: Expectation
    obtained: float
    digits: str = ".4f"
    is_headline: bool = False

    @property
    def ok(self) -> bool:
        """Whether it is as expected."""
        return self.expected.met(self.obtained)

    @property
    def text(self) -> str:
        """The number obtained."""
        return f"{self.obtained:{self.digits}}" if self.obtained else "0"


@dataclass(frozen=True)
class Outcome:
    """What a system came to.

    Attributes:
        claims: its numbers.
        pictures: files in the context's output folder.
        remarks: sentences computed from the run.
        tables: further ones as plain text.
    """

    claims: list[Claim]
    pictures: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """What a system runs in.

    Attributes:
        data_dir: folder of the real data.
        output: folder of its pictures and logs, which exists.
        quick: whether to run at the smallest size that passes every line.
        long: whether to run the row whole where it is otherwise shortened.
        show_step: shows the user what is being done now.
        paused: holds this script's progress bar back while another one is shown.
    """

    data_dir: Path
    output: Path
    quick: bool
    long: bool
    show_step: Callable[[str], None]
    paused: Callable[[], AbstractContextManager[None]]


class Data(Enum):
    """Files that are not part of any library."""

    MNIST = "MNIST"
    CALIFORNIA = "California housing"

    def is_in(self, folder: Path) -> bool:
        """Whether all of its files are there."""
        return not missing_files(folder) if self is Data.MNIST else (folder / CALIFORNIA_FILE).is_file()


@dataclass(frozen=True)
class System:
    """A row of the sixteen.

    Attributes:
        number: S1 … S16.
        run: does it.
        wrong: what its published version got wrong, a sentence; empty where nothing is known.
        shortened: what is left out without `--long`, a sentence.
        needs: the data without which it cannot run.
        is_exact: whether its numbers are the same at every size, so that a quick run is compared, too.
        page_pictures: names of the pictures that docs/results.md shows, and what it says of them.
        peers: distributions that it is measured with or against, beside torch and Lightning.
    """

    number: str
    run: Callable[[Context], Outcome]
    wrong: str = ""
    shortened: str = ""
    needs: Data | None = None
    is_exact: bool = False
    page_pictures: dict[str, str] = field(default_factory=dict)
    peers: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is about."""
        return SYSTEM_TITLES[self.number]
