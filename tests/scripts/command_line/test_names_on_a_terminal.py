"""Names out of files on a real terminal: none is obeyed, none is taken for markup."""

import ast
import csv
import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from command_line.one_line_errors import one_line, run
from command_line.terminal import Terminal
from rich.console import Console
from rich.table import Table
from rich.text import Text

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "scripts"
RED, TITLE, BELL, TURNED = "\x1b[31mred", "\x1b]0;title\x07", "bell\x07", "\u202eevil"
NAMES = (RED, TITLE, BELL, TURNED, "rate [/min]", "weight [kg]", ":smile:", "[bold]x")
# What rich writes for colours, and for a bar that it draws again.
OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\d*[ABCDGJK]|\x1b\[\?25[lh]|\r")


def on_a_terminal(program: list[str], folder: Path) -> str:
    """All that a program writes to a terminal of 200 columns, of both its streams."""
    main, other = pty.openpty()
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{SCRIPTS}", "COLUMNS": "200", "TERM": "xterm-256color", "LINES": "50"}
    child = subprocess.Popen(program, stdin=other, stdout=other, stderr=other, cwd=folder, env=environment, close_fds=True)
    os.close(other)
    pieces = []
    try:
        while piece := os.read(main, 65536):
            pieces.append(piece)
    except OSError:  # how Linux says that the other end is closed
        pass
    child.wait(60)
    os.close(main)
    return b"".join(pieces).decode("utf-8")


def assert_obeyed_nothing(printed: str) -> str:
    """The text without our own colours, if that is all there was."""
    assert not any(name in printed for name in (RED, TITLE, BELL, TURNED))
    plain = OWN.sub("", printed)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", plain), ascii(plain)[:2000]
    return plain


SPEAKER = """
import logging, sys, warnings
from command_line.saying import say, complain, guard_terminal
from command_line.quiet import quiet, show_notes
from command_line.one_line_errors import one_line, run
from command_line.terminal import Terminal
from datamodules.files.progress_bar import with_progress_bar
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text
names = eval(sys.argv[1])
guard_terminal(); quiet(); show_notes()
for name in names:
    say(name); complain(name); warnings.warn(name)
    logging.getLogger("callbacks").info(name)
    logging.getLogger("any").warning(name)
    table = Table(name, title=name, caption=name)
    table.add_row(name); table.add_row(Text(name))
    Terminal().print(table); Terminal().print(name)
    with Progress(TextColumn("{task.description}", markup=False), console=Terminal(stderr=True)) as progress:
        progress.add_task(name, total=1)
raise ValueError("".join(names))
"""


def test_no_way_to_a_terminal_lets_a_name_command_it(tmp_path: Path) -> None:
    printed = on_a_terminal([sys.executable, "-c", SPEAKER, repr(NAMES)], tmp_path)
    plain = assert_obeyed_nothing(printed)
    for name in ("\\x1b[31mred", "\\x1b]0;title\\x07", "\\u202eevil", "rate [/min]", ":smile:", "[bold]x"):
        assert plain.count(name) >= 10, f"{name}: {plain.count(name)} times"
    assert "Traceback" in plain and "\x1b[" in printed, "it is a terminal, with colours"


def test_an_error_on_a_terminal(tmp_path: Path) -> None:
    """Of a path, before anything heavy is imported."""
    program = [sys.executable, str(SCRIPTS / "predict.py"), f"--data={''.join(NAMES)}.csv", "--ckpt=x"]
    plain = assert_obeyed_nothing(on_a_terminal(program, tmp_path))
    assert plain.startswith("error: there is no file \\x1b[31mred\\x1b]0;title\\x07bell\\x07") and plain.count("\n") == 1


@pytest.mark.slow
def test_a_fit_on_a_terminal(tmp_path: Path) -> None:
    """With a bar, a report, coefficients and predictions of rows with new categories."""
    names = [*NAMES, "y"]
    cells = [[f"{(i * 7 + j * j) % 13 + j * i % 5}" for j in range(len(NAMES) - 1)] for i in range(90)]
    rows = [[*row, NAMES[i % 3], f"{i % 11}.5"] for i, row in enumerate(cells)]
    for file, levels in (("table.csv", rows), ("new.csv", [[*row[:-2], TITLE + RED, row[-1]] for row in rows])):
        with (tmp_path / file).open("w", newline="", encoding="utf-8") as text:
            csv.writer(text).writerows([names, *levels])
    fit = [sys.executable, str(SCRIPTS / "fit.py"), "--data=TabularDataModule", "--data.path=table.csv", "--data.target=y"]
    plain = assert_obeyed_nothing(on_a_terminal([*fit, "--model=LinearRegression"], tmp_path))
    assert "rate [/min]" in plain and "weight [kg]" in plain and "ended as" in plain and "error" not in plain
    (ckpt,) = tmp_path.rglob("last.ckpt")
    predict = [sys.executable, str(SCRIPTS / "predict.py"), "--data=new.csv", f"--ckpt={ckpt}"]
    plain = assert_obeyed_nothing(on_a_terminal(predict, tmp_path))
    assert "90 rows" in plain and "\\x1b]0;title" in plain


def test_columns_of_a_table_are_as_wide_as_what_is_seen() -> None:
    shown = StringIO()
    console = Terminal(file=shown, width=80)
    table = Table("name", "value")
    table.add_row(RED, "1")
    table.add_row(Text("plain"), "2")
    console.print(table)
    assert len({len(line) for line in shown.getvalue().splitlines()}) == 1


def test_a_plain_console_would_be_commanded() -> None:
    """Negative control: why there is a home."""
    written = StringIO()
    Console(file=written).print(f"weight [kg] {RED}")
    assert RED in written.getvalue()
    with pytest.raises(Exception, match="closing tag"):
        Console(file=written).print("rate [/min]")


@pytest.mark.parametrize("name", ['Parser key "a": b', "Errors: x", "EADDRINUSE port: 1", "unrecognized arguments: --x=1"])
def test_a_name_in_a_message_is_not_read_as_one_of_a_parser(name: str) -> None:
    message = f"t.csv has no column {name!r}: its columns are {name}"
    assert one_line(ValueError(message)) == message
    assert complained(message) == f"error: {message}\n"


def complained(message: str) -> str:
    def main(_: list[str]) -> None:
        raise ValueError(message)

    written = StringIO()
    with redirect_stderr(written):
        assert run(main, []) == 1
    return written.getvalue()


def test_a_name_as_long_as_its_file_leaves_both_ends_of_an_error() -> None:
    said = complained(f"t.csv has no column {'x' * 100_000!r}: check the file")
    assert len(said) < 2100 and said.startswith("error: t.csv has no column 'xx") and said.endswith("check the file\n")


def passing_by(text: str, name: str) -> list[str]:
    """Calls in a program or package that print past `saying.py` and `terminal.py`."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        said = ast.unparse(node)
        is_template = called == "TextColumn" and "{task.description" in said and "markup=False" not in said
        is_method = isinstance(node.func, ast.Attribute)
        if (called in ("print", "Console") and not is_method) or is_template:
            found.append(f"{name}:{node.lineno} {called}")
    return found


def test_every_line_goes_through_a_home() -> None:
    homes = {SCRIPTS / "command_line" / name for name in ("saying.py", "terminal.py")}
    files = [path for path in SCRIPTS.rglob("*.py") if path not in homes]
    assert [found for path in files for found in passing_by(path.read_text(encoding="utf-8"), path.name)] == []
    assert len(passing_by('print(1); Console(); TextColumn("{task.description}"); console.print(1)', "control")) == 3
