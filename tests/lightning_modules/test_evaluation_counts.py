"""Every sample counts exactly once, however few there are and however many processes share them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_absolute_error, mean_squared_error, r2_score, roc_auc_score

from tests.lightning_modules.evaluation_worker import CASES, evaluation, problem

WORKER = Path(__file__).with_name("evaluation_worker.py")


@pytest.fixture(scope="module", params=[1, 2, pytest.param(3, marks=pytest.mark.slow)])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """By process, what it found in each case."""
    if request.param == 1:
        return [[evaluation(case) for case in CASES]]
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(WORKER), str(request.param), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank_{rank}.pt") for rank in range(request.param)]


def joined(results: list[list[dict[str, Any]]], number: int, name: str) -> np.ndarray[Any, Any]:
    return torch.cat([rank[number][name] for rank in results]).numpy()


def test_every_row_is_seen_by_one_process(results: list[list[dict[str, Any]]]) -> None:
    for number, (kind, rows, _) in enumerate(CASES):
        model, features, targets = problem(kind, rows)
        expected = model.double().evaluate((features, targets))
        losses = joined(results, number, "value")
        assert losses.shape == (rows,)
        np.testing.assert_allclose(np.sort(losses), np.sort(expected["value"].detach().numpy()), rtol=1e-12)
        assert len({*np.round(losses, 14)}) == rows, "the losses tell the rows apart"


def test_metrics_are_those_of_the_joined_predictions(results: list[list[dict[str, Any]]]) -> None:
    for number, (kind, rows, batch_size) in enumerate(CASES):
        preds, target = joined(results, number, "preds"), joined(results, number, "target")
        expected = of_targets(preds, target) if kind == "targets" else of_classes(preds, target)
        for rank in results:
            found = {name.removeprefix("test/"): value for name, value in rank[number]["metrics"].items()}
            assert found == pytest.approx(expected, abs=1e-7), (kind, rows, batch_size)


def of_classes(preds: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> dict[str, float]:
    probabilities = preds if preds.ndim == 2 else np.stack([1 - preds, preds], 1)
    labels, classes = probabilities.argmax(1), list(range(probabilities.shape[1]))
    average = "macro" if preds.ndim == 2 else "binary"
    metrics = {
        "loss": log_loss(target, probabilities, labels=classes),
        "accuracy": accuracy_score(target, labels),
        "f1": f1_score(target, labels, average=average, zero_division=0),
    }
    areas = [roc_auc_score(target == label, probabilities[:, label]) for label in {*target.tolist()} if set(target) != {label}]
    return metrics | ({"auroc": np.mean(areas)} if areas else {})


def of_targets(preds: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> dict[str, float]:
    loss = 0.5 * np.square(target - preds).sum(1).mean()
    metrics = {"loss": loss, "mse": mean_squared_error(target, preds), "mae": mean_absolute_error(target, preds)}
    return metrics | ({"r2": r2_score(target, preds)} if len(target) > 1 else {})
