"""Tables out of hostile names and cells: whole results, or one line of our own, and nothing in them is obeyed.

`HOSTILE_TABLES=500 pytest -m slow -s tests/scripts/test_hostile_tables.py` runs so many through fit.py, predict.py and
compare.py, and prints what they ended in; `HOSTILE_SEED` starts elsewhere.
"""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.scripts.hostile.ending import Outcome, ending

TABLES = int(os.environ.get("HOSTILE_TABLES", "500"))
SEED = int(os.environ.get("HOSTILE_SEED", "0"))


def walk(seed: int, count: int, folder: Path) -> list[Outcome]:
    """How so many tables ended; those with a fault are named at once."""
    found = []
    for number in range(seed, seed + count):
        found.append(ending(number, folder / str(number)))
        for fault in found[-1].faults:
            print(f"\nseed {number}: {ascii(fault)[:600]}", flush=True)
        shutil.rmtree(folder / str(number), ignore_errors=True)
    return found


def told(found: list[Outcome]) -> str:
    """How many came how far, and why not further."""
    reached, refused = Counter(one.reached or "refused" for one in found), Counter(one.kind for one in found if one.refused)
    faults = Counter(fault for one in found for fault in one.faults)
    lines = [f"{len(found)} tables: {dict(reached)}; {faults.total()} faults"]
    lines += [f"  {count:4d}  {reason}" for reason, count in refused.most_common()]
    return "\n".join([*lines, *(f"  FAULT {count:4d}  {ascii(fault)[:300]}" for fault, count in faults.most_common())])


@pytest.mark.slow
def test_a_few_hostile_tables_end_well(tmp_path: Path) -> None:
    found = walk(10_000, 5, tmp_path)
    assert not [one for one in found if one.faults], told(found)


@pytest.mark.slow
def test_hostile_tables_end_well(tmp_path: Path) -> None:
    found = walk(SEED, TABLES, tmp_path)
    print(f"\n{told(found)}")
    assert not [one for one in found if one.faults], told(found)
    assert any(one.reached == "reported" for one in found) and any(not one.reached for one in found)


def test_faults_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an escape, a file that is left, words that no user should read."""

    def wrong(args: list[str]) -> None:
        (tmp_path / "0" / "half").write_text("written")
        print("\x1b[31m")
        raise KeyError("what is this")

    monkeypatch.setattr("fit.main", wrong)
    faults = " ".join(ending(0, tmp_path / "0").faults)
    for fault in ("printed", "x1b", "unexpected", "refused, and left", "half"):
        assert fault in faults
