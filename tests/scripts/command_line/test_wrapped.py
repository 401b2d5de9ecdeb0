"""No word is cut by a terminal, and a line is a line where nobody looks."""

import io
import shlex

import pytest
from command_line.saying import complain, say
from command_line.terminal import Terminal
from command_line.wrapped import at_blanks, command

LONG = (
    "a column has 12 cells that are no numbers: correct them, or leave the column out by --data.exclude; see docs/own_table.md"
)
PATH = "/a/very/long/path" + "/of/folders" * 10


class Seen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_lines_end_at_blanks_and_nothing_is_lost(columns: int) -> None:
    text = at_blanks(LONG, columns)
    assert max(map(len, text.split("\n"))) <= columns
    assert text.replace("\n", " ") == LONG


def test_what_has_no_blanks_stays_whole() -> None:
    assert at_blanks(f"logs: {PATH}", 80) == f"logs:\n{PATH}"
    assert at_blanks("short\n  and indented", 80) == "short\n  and indented"


def test_a_command_can_be_copied() -> None:
    text = f"tensorboard --logdir {PATH} --port 6006"
    broken = command(text, 80)
    assert all(line.endswith(" \\") for line in broken.split("\n")[:-1]) and "\n" in broken
    assert shlex.split(broken.replace("\\\n", "")) == text.split()
    assert command("tensorboard --logdir logs", 80) == "tensorboard --logdir logs"


def test_programs_break_lines_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for stream, seen in ((Seen(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setattr("sys.stderr", stream)
        say(LONG)
        complain(LONG)
        lines = stream.getvalue().splitlines()
        assert (max(map(len, lines)) <= 80) == seen and len(lines) == (4 if seen else 2)
        assert " ".join(lines) == f"{LONG} {LONG}"


def test_a_terminal_with_tables_does_so_too() -> None:
    for stream, count in ((Seen(), 2), (io.StringIO(), 1)):
        Terminal(file=stream, width=80, force_terminal=count == 2).say(LONG)
        assert len(stream.getvalue().splitlines()) == count
