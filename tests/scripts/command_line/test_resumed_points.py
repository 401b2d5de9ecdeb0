"""A finished run that is resumed is tested again, and its logs have each point as often as before.

Texts are replaced by others of the same step, but TensorBoard's reader of files keeps both.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
from command_line.one_line_errors import run
from fit import main
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ADAM = ["--model.optimizer=torch.optim.Adam", "--model.optimizer.lr=0.1", "--trainer.max_epochs=3"]
RUNS = {
    "mini-batches": ["--data=IrisDataModule", "--data.batch_size=30", "--model=SoftmaxRegression", *ADAM],
    "full batch": ["--data=BreastCancerDataModule", "--model=LogisticRegression", "--model.l2=0.1"],
}


@pytest.mark.parametrize("kind", RUNS)
def test_no_point_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(main, RUNS[kind]) == 0
    first = points(tmp_path)
    assert any(tag == "train/converged" for _, tag, _ in first) and any(kind == "images" for kind, _, _ in first)
    for _ in range(2):
        assert run(main, [*RUNS[kind], "--ckpt_path=last"]) == 0
        again = points(tmp_path)
        assert again - first == Counter() and first - again == Counter()


def points(folder: Path) -> Counter[tuple[str, str, int]]:
    """How often each (kind, tag, step) is in the logs of the only run, as TensorBoard shows them."""
    (summary,) = folder.rglob("summary.json")
    events = EventAccumulator(os.fspath(summary.parent), size_guidance={"scalars": 0, "images": 0, "histograms": 0}).Reload()
    kinds = {"scalars": events.Scalars, "images": events.Images, "histograms": events.Histograms}
    return Counter(
        (kind, tag, event.step) for kind, read in kinds.items() for tag in events.Tags()[kind] for event in read(tag)
    )
