"""What a fit from the command line shows of its steps, on mini-batches and in full; a resumed one has the same curves."""

import os
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from fit import main
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

IRIS = ["--data=IrisDataModule", "--data.batch_size=30", "--model=MLP", "--model.widths=[4,5,3]", "--model.schedule=cosine"]
METHODS = {
    "DiagonalNewton": ["--model.optimizer=DiagonalNewton"],
    "KroneckerNewton": ["--model.optimizer=KroneckerNewton"],
    "Adam": ["--model.optimizer=Adam", "--model.optimizer.lr=0.1"],
}
LAYERS = ("network.layers.0", "network.layers.1")
ADDED = ("step/", "update_ratio/", "curvature_diagonal/")


def events_in(folder: Path) -> EventAccumulator:
    (summary,) = folder.rglob("summary.json")
    return EventAccumulator(os.fspath(summary.parent), {"scalars": 0, "histograms": 0, "images": 0}).Reload()


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What is logged of the steps, by tag."""
    events = events_in(folder)
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith(ADDED)]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


@pytest.mark.parametrize("method", METHODS)
def test_each_layer_is_watched(tmp_path: Path, method: str) -> None:
    line = [*IRIS, *METHODS[method], "--trainer.max_epochs=2", f"--trainer.default_root_dir={tmp_path}"]
    assert run(main, [*line, "--histograms.every_n_steps=3"]) == 0
    found, events = curves(tmp_path), events_in(tmp_path)
    has_diagonal = method != "Adam"
    diagonal = {f"curvature_diagonal/{layer}/{name}" for layer in LAYERS for name in ("min", "q25", "median", "q75", "max")}
    ratios = {f"update_ratio/{layer}" for layer in (*LAYERS, "total")}
    assert set(found) == {"step/lr", "step/length"} | ratios | (diagonal if has_diagonal else set())
    rates = [value for _, value in found["step/lr"]]
    assert rates == sorted(rates, reverse=True) and rates[0] > 2 * rates[-1], "the schedule"
    kinds = ("weights", "gradients", *(("log10_curvature_diagonal",) if has_diagonal else ()))
    assert set(events.Tags()["histograms"]) == {f"histogram/{kind}/{layer}" for kind in kinds for layer in LAYERS}
    assert "train/steps" in events.Tags()["images"]
    groups = [tag.partition("/")[0] for tag in events.Tags()["scalars"]]
    assert not {"test", "histogram"} & set(sorted(set(groups))[:2]), "TensorBoard opens the first groups of names: curves"


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_has_the_same_curves(tmp_path: Path, method: str) -> None:
    """Its second half is that of the run that was not stopped, and nothing is there twice."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    line = [*IRIS[:-1], *METHODS[method]]
    assert run(main, [*line, "--trainer.max_epochs=4", f"--trainer.default_root_dir={whole}"]) == 0
    there = [*line, f"--trainer.default_root_dir={stopped}"]
    assert run(main, [*there, "--trainer.max_epochs=2"]) == 0
    assert run(main, [*there, "--trainer.max_epochs=4", "--ckpt_path=last"]) == 0
    assert curves(stopped) == curves(whole)
    steps = [event.step for event in events_in(stopped).Images("train/steps")]
    assert steps == sorted(set(steps)) and len(steps) == 2, "a figure of each part"


def test_histograms_are_for_who_asks(tmp_path: Path) -> None:
    assert run(main, [*IRIS, *METHODS["Adam"], "--trainer.max_epochs=1", f"--trainer.default_root_dir={tmp_path}"]) == 0
    assert events_in(tmp_path).Tags()["histograms"] == []
