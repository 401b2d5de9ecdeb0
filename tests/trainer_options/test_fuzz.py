"""Random valid command lines of fit.py: each ends in a result or in one line, and leaves nothing half-written.

`FUZZ_LINES=2000 pytest -m slow -s tests/trainer_options/test_fuzz.py` runs so many, and prints what they ended in;
`FUZZ_SEED` starts elsewhere.
"""

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.trainer_options.fuzz_lines import random_line
from tests.trainer_options.fuzz_run import Ending, ended, shrunk

LINES = int(os.environ.get("FUZZ_LINES", "300"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


def walk(seed: int, count: int, folder: Path) -> list[tuple[list[str], Ending]]:
    """So many lines, each with its end; the first of each kind of fault is shortened."""
    ends, known = [], set()
    for number in range(seed, seed + count):
        root = folder / str(number)
        line = random_line(random.Random(number), root)
        end = ended(line, root)
        if (end.fault or end.is_late) and end.kind not in known:
            known.add(end.kind)
            line = shrunk(line, end.kind, folder / f"{number}-shorter")
            what = end.fault or f"not a fault, but late: {end.said}"
            print(f"\n{number}: {what}\n    {' '.join(line)}", flush=True)
        ends.append((line, end))
        shutil.rmtree(root, ignore_errors=True)
    return ends


def told(ends: list[tuple[list[str], Ending]]) -> str:
    """How many ended in what, by reason, and a line for each kind of fault."""
    faults = [(line, end) for line, end in ends if end.fault]
    results = sum(end.status == 0 and not end.fault for _, end in ends)
    refusals = Counter(end.kind for _, end in ends if end.status and not end.fault)
    first = {end.kind: (line, end) for line, end in reversed(faults)}
    counts = Counter(end.kind for _, end in faults)
    late = sum(end.is_late for _, end in ends)
    lines = [f"{len(ends)} lines: {results} results, {refusals.total()} refused ({late} in their midst), {len(faults)} faults"]
    lines += [f"  refused {count:4d}  {kind}" for kind, count in refusals.most_common()]
    for kind, count in counts.most_common():
        line, end = first[kind]
        lines += [f"  FAULT {count:4d}  {end.fault}", f"              {' '.join(line)}"]
    return "\n".join(lines)


def test_a_few_lines_end_well(tmp_path: Path) -> None:
    ends = walk(10_000, 6, tmp_path)
    assert not [end for _, end in ends if end.fault], told(ends)


@pytest.mark.slow
def test_random_lines_end_well(tmp_path: Path) -> None:
    ends = walk(SEED, LINES, tmp_path)
    print(f"\n{told(ends)}")
    assert not [end for _, end in ends if end.fault], told(ends)
    assert any(end.status == 0 for _, end in ends) and any(end.status for _, end in ends)


def test_faults_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a folder that is left, a file that is changed, words that no user should read."""

    def wrong(args: list[str]) -> None:
        root = Path(args[0])
        (root / "half").write_text("written")
        (root / "logs/IrisDataModule/MLP/Newton/version_0/summary.json").unlink()
        raise KeyError("what is this")

    monkeypatch.setattr("tests.trainer_options.fuzz_run.main", wrong)
    end = ended([str(tmp_path / "root")], tmp_path / "root")
    for fault in ("unexpected", "has changed", "left ['half']"):
        assert fault in end.fault
