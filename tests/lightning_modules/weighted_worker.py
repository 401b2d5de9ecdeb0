"""Fits rows with weights, an offset and weights by class on several processes: `python weighted_worker.py PROCESSES FOLDER`.

Lightning starts this file again for the other processes. Each saves iterates, test metrics and verdict, by case.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn.utils import parameters_to_vector

sys.path.insert(0, str(Path(__file__).parents[2]))

from callbacks import ConvergenceStatus
from datamodules import ArrayDataModule
from lightning_modules import LogisticRegression, PoissonRegression
from tests.training import METHODS, Iterates, make_trainer

ROWS, TEST_ROWS = 97, 41
METHODS_AND_BATCHES = (("newton", None), ("diagonal_newton", None), ("lbfgs", None), ("newton", 29), ("adam", 29))
CASES = [(kind, *fit) for kind in ("classes", "counts", "sparse") for fit in METHODS_AND_BATCHES]


def rows_of(kind: str) -> dict[str, Any]:
    """Arrays, the last ones of which are for the test: no multiple of 2 or 3 rows."""
    generator = np.random.default_rng(1)
    n = ROWS + TEST_ROWS
    x, offset = generator.normal(size=(n, 3)), generator.normal(size=n)
    y = generator.poisson(np.exp(0.3 * x[:, 0] + offset)) if kind == "counts" else x[:, 0] + offset + generator.logistic(size=n)
    if kind == "sparse":
        x = sp.hstack([sp.random(n, 12, 0.1, format="csr", random_state=1) + sp.eye(n, 12), x]).tocsr()
    return {
        "x": x,
        "y": y if kind == "counts" else (y > 0).astype(int),
        "weights": generator.integers(1, 5, n),
        "offset": offset,
    }


class Divided(ArrayDataModule):
    """The last rows are the test."""

    def _divide(self, table: Any) -> Any:
        rows = np.arange(len(table.targets))
        return rows[: -self.test_rows], rows[:0], rows[-self.test_rows :]

    test_rows = TEST_ROWS


def outcome(case: tuple[str, str, int | None], is_repeated: bool = False, **options: Any) -> dict[str, Any]:
    """What came of a case on this process; of repeated rows instead of weights if asked."""
    kind, method, batch_size = case
    rows, test_rows = rows_of(kind), TEST_ROWS
    if is_repeated:
        by = rows.pop("weights")
        test_rows = int(by[-TEST_ROWS:].sum())
        rows = {name: values[np.repeat(np.arange(len(by)), by)] for name, values in rows.items()}
    task: Any = "regression" if kind == "counts" else "classification"
    class_weight: Any = None if kind == "counts" else {"1": 2}
    data = Divided(**rows, task=task, batch_size=batch_size, class_weight=class_weight)
    data.test_rows = test_rows
    model = (PoissonRegression if kind == "counts" else LogisticRegression)(
        data.num_features, offset=True, optimizer=METHODS[method]
    )
    iterates, status = Iterates(), ConvergenceStatus()
    trainer = make_trainer(6, iterates, status, **options)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    theta = parameters_to_vector(model.parameters()).detach()
    return {"iterates": torch.stack([*iterates.thetas, theta]), "metrics": metrics, "status": status.status}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder = int(sys.argv[1]), Path(sys.argv[2])
    results = [outcome(case, devices=processes, strategy="ddp") for case in CASES]
    torch.save(results, folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.pt")
