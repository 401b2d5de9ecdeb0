"""The picture of two views, and the benchmark of making them, on small files in MNIST's format."""

import json
from pathlib import Path

import benchmark
import pytest
import show_two_views
from command_line.one_line_errors import run
from evidence.benchmarks import two_view

from tests.idx_files import write_mnist


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    return tmp_path


def test_the_picture_is_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show_two_views.main, ["--output=pictures/two.png"]) == 0
    assert capsys.readouterr().out.strip() == "pictures/two.png"
    assert (folder / "pictures" / "two.png").read_bytes().startswith(b"\x89PNG")


def test_missing_files_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(show_two_views.main, [f"--data_dir={tmp_path}", f"--output={tmp_path / 'two.png'}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: MNIST is not in")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_benchmark_pairs_both_sides(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("ROUNDS", 2), ("BATCH_SIZES", (128,)), ("WORKERS", (0,)), ("PEER_SAMPLES", 300)):
        monkeypatch.setattr(two_view, name, value)
    assert run(benchmark.main, ["two_view", "--json=numbers.json"]) == 0
    assert "two_view" in capsys.readouterr().out
    numbers = json.loads((folder / "numbers.json").read_text())
    (row,) = numbers["sections"]["two_view"]["rows"]
    assert row["case"] == "two views, batches of 128"
    assert len(row["ours"]) == len(row["theirs"]) == 2
    pairs = sorted(ours / theirs for ours, theirs in zip(row["ours"], row["theirs"], strict=True))
    assert row["ratio"] == pytest.approx(sum(pairs) / 2)
    assert row["better"] == ("ours" if row["ratio"] > 1 else "theirs")
    assert numbers["sections"]["two_view"]["machine"]
