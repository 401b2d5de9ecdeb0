"""The picture of two views, and the benchmark of making them, on small files in MNIST's format."""

import json
from collections.abc import Callable
from pathlib import Path

import benchmark
import pytest
import show_two_views
import torch
from command_line.one_line_errors import run
from evidence.benchmarks import two_view
from evidence.benchmarks.optional_peers import has
from evidence.benchmarks.pairing import Budget

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


def test_every_peer_makes_two_views_of_every_image(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"BUDGET": Budget(2, 2), "BATCH_SIZES": (128,), "WORKERS": (0,), "PEER_SAMPLES": 300, "IMAGES": 256}
    for name, value in values.items():
        monkeypatch.setattr(two_view, name, value)
    assert run(benchmark.main, ["two_view", "--json=numbers.json"]) == 0
    assert "two_view" in capsys.readouterr().out
    section = json.loads((folder / "numbers.json").read_text())["sections"]["two_view"]
    peers = ["lightly + torchvision, 0 workers", "torchvision v2, one draw a batch", *(["kornia"] if has("kornia") else [])]
    assert [row["peer"] for row in section["rows"]] == peers and section["machine"]
    for row in section["rows"]:
        assert row["case"] == "two views, batches of 128" and row["more_is_better"]
        assert len(row["ours"]) == len(row["theirs"]) == 2 and min(*row["our_cpu"], *row["their_cpu"]) > 0
        pairs = [ours / theirs for ours, theirs in zip(row["ours"], row["theirs"], strict=True)]
        assert row["ratio"] == pytest.approx(sum(pairs) / 2)


@pytest.mark.parametrize("make", [two_view.by_torchvision, two_view.by_kornia], ids=["torchvision", "kornia"])
def test_peers_draw_what_ours_draws(make: Callable[[], two_view.Views]) -> None:
    """On average: how bright an image of ones is after crop, shift and erasure.

    torchvision needs many batches, of one draw each, and its tensors lose their rim twice: blended with 0, then masked.
    """
    if make is two_view.by_kornia:
        pytest.importorskip("kornia", reason="the bench extra is not installed")
    torch.manual_seed(0)
    ours, theirs = two_view.ours(torch.Generator().manual_seed(0)), make()

    def brightness(views: two_view.Views) -> torch.Tensor:
        made = [view.mean((1, 2, 3)) for _ in range(800) for view in views(torch.ones(1, 1, 28, 28))]
        return torch.stack(made).mean()

    torch.testing.assert_close(brightness(theirs), brightness(ours), rtol=0, atol=0.02)
