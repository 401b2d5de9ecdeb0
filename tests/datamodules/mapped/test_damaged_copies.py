"""A copy that is not what was written, to the last bit, is named with what to do; what a killed process left is removed."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from filelock import FileLock
from fit import main

from datamodules import TabularDataModule
from datamodules.mapped import seal
from tests.datamodules.mapped.mapped_tables import N, columns, copies, mapped, written


def flipped(path: Path, *places: int) -> None:
    """One bit of each of these bytes is turned."""
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0b100
    path.write_bytes(content)


def shortened(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def lengthened(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


Damage = Callable[[Path], None]
DAMAGE: dict[str, tuple[str, Damage]] = {
    **{
        f"{name}-{kind}": (name, damage)
        for name in ("features.npy", "targets.npy", "about.json")
        for kind, damage in {
            "one bit": lambda path: flipped(path, path.stat().st_size // 2),
            "two bits": lambda path: flipped(path, path.stat().st_size // 3, -1),
            "first bit": lambda path: flipped(path, 0),
            "shorter": shortened,
            "longer": lengthened,
            "empty": lambda path: path.write_bytes(b""),
            "missing": Path.unlink,
        }.items()
    },
    "one for the other": ("features.npy", lambda path: shutil.copy(path.with_name("targets.npy"), path)),
    "another's checksums": (
        "about.json",
        lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"sizes": [1, 2, 3]})),
    ),
    "of an older version": ("about.json", lambda path: path.write_text('{"sizes": [1, 2, 3]}')),
    "a list": ("about.json", lambda path: path.write_text("[]")),
    "blanks": ("about.json", lambda path: path.write_text(path.read_text().replace(", ", ",", 1))),
}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "PIECE_BYTES", 2**12)


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named_and_the_remedy_works(case: str, tmp_path: Path) -> None:
    path = written(tmp_path, "parquet", columns("level"))
    assert mapped(path).num_rows == N
    (copy,) = copies(tmp_path)
    assert mapped(path).num_rows == N, "control: it is read again"
    name, damage = DAMAGE[case]
    damage(copy / name)
    with pytest.raises(ValueError, match="is damaged") as refusal:
        mapped(path).table  # noqa: B018
    said = str(refusal.value)
    assert said.startswith(f"{copy / name}: ") and f"delete the folder {copy};" in said and path in said
    assert "\n" not in said
    shutil.rmtree(copy)
    assert mapped(path).num_rows == N


def test_a_file_in_the_place_of_a_copy_is_damage_too(tmp_path: Path) -> None:
    path = written(tmp_path, "parquet", columns("level"))
    mapped(path).table  # noqa: B018
    (copy,) = copies(tmp_path)
    shutil.rmtree(copy)
    copy.write_text("something else")
    with pytest.raises(ValueError, match="cannot be read"):
        mapped(path).table  # noqa: B018


def test_control_without_the_check_two_bits_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "parquet", columns("level"))
    mapped(path).table  # noqa: B018
    (copy,) = copies(tmp_path)
    flipped(copy / "features.npy", 1000, 2000)
    monkeypatch.setattr(
        "datamodules.mapped.mapped_table.check_seal", lambda folder, _: json.loads((folder / "about.json").read_text())
    )
    assert mapped(path).num_rows == N


def test_the_command_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, "parquet", columns("text"))
    command = [
        "--data=TabularDataModule", f"--data.path={path}", "--data.target=y", f"--data.memory_map={tmp_path / 'maps'}",
        "--model=LogisticRegression", "--trainer.max_epochs=1", "--trainer.logger=false",
    ]  # fmt: skip
    assert run(main, command) == 0
    (copy,) = copies(tmp_path)
    flipped(copy / "targets.npy", 500, 501)
    capsys.readouterr()
    assert run(main, command) == 1
    said = capsys.readouterr().err.strip()
    assert "\n" not in said and str(copy / "targets.npy") in said and "delete the folder" in said


def test_what_is_left_of_any_copy_is_removed_but_not_what_is_being_made(tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    left, at_work = (folder / f".{name * 16}-x1_y.partial" for name in "ab")
    for partial in (left, at_work):
        partial.mkdir(parents=True)
        (partial / "features.npy").write_bytes(b"half")
    path = written(tmp_path, "parquet", columns("level"))
    with FileLock(folder / f".{'b' * 16}.lock"):
        mapped(path).table  # noqa: B018
        assert at_work.exists() and not left.exists()
    mapped(path).table  # noqa: B018
    assert not at_work.exists()


def test_copies_that_have_changed_places_are_refused(tmp_path: Path) -> None:
    """The attack: each folder is whole, and has the other's name."""
    modules = []
    for name, sign in (("first", 1), ("second", -1)):
        path = tmp_path / f"{name}.csv"
        path.write_text("a,y\n" + "".join(f"{sign * (row % 7)},{row % 3}\n" for row in range(60)))
        modules.append(lambda path=path: TabularDataModule(str(path), "y", memory_map=str(tmp_path / "mapped")))
        modules[-1]().splits  # noqa: B018
    first, second = sorted((tmp_path / "mapped").glob("[!.]*"))
    kept = first.rename(tmp_path / "kept")
    second.rename(first)
    kept.rename(second)
    for make in modules:
        with pytest.raises(ValueError, match="is a copy of another table"):
            make().splits  # noqa: B018
