"""Fits every case on several processes and saves each process's iterates: `python ddp_worker.py PROCESSES FOLDER`.

Lightning starts this file again for the other processes.
"""

import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from datamodules import BreastCancerDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import MLP, LogisticRegression, ObjectiveModule, ResidualMLP
from lightning_modules.objectives import Reduction, this_process
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, Newton
from tests.training import METHODS, ON_BATCHES, fit_iterates, make_model

EPOCHS = 4
# 341, 89 and 1075 training rows: no multiple of 2 or 3.
DATA: dict[str, Any] = {
    "breast_cancer": partial(BreastCancerDataModule, val_fraction=0.2, test_fraction=0.2, seed=3, batch_size=None),
    "iris": partial(IrisDataModule, val_fraction=0.2, test_fraction=0.205, seed=3, batch_size=None),
    "iris_batches": partial(IrisDataModule, val_fraction=0.2, test_fraction=0.205, seed=3, batch_size=29),
    # So many rows in a batch that every fourth tells a network's curvature.
    "digits_batches": partial(DigitsDataModule, val_fraction=0.2, test_fraction=0.201, seed=3, batch_size=301),
}
# Networks under the methods that ask for all there is: value, gradient, matrices, products, diagonals, averages over steps.
NETWORKS: dict[str, Any] = {
    "mlp_newton": partial(MLP, optimizer=Newton),
    "mlp_newton_hessian": partial(MLP, optimizer=partial(Newton, curvature="hessian")),
    "mlp_newton_cg": partial(MLP, optimizer=partial(Newton, solver="cg")),
    "mlp_diagonal_newton": partial(MLP, optimizer=DiagonalNewton),
    "mlp_kronecker_newton": partial(MLP, optimizer=KroneckerNewton),
    "mlp_adam": partial(MLP, optimizer=METHODS["adam"]),
    "residual_diagonal_newton": partial(ResidualMLP, optimizer=partial(DiagonalNewton, curvature="hessian")),
    "residual_cosine": partial(ResidualMLP, schedule="cosine", optimizer=METHODS["adam"]),
}
WIDTHS = {"iris": (4, 4, 4, 3), "iris_batches": (4, 4, 4, 3), "digits_batches": (64, 6, 10)}
LINEAR = {"breast_cancer": METHODS, "iris": METHODS, "iris_batches": ON_BATCHES}
CASES = [(data, method) for data, methods in LINEAR.items() for method in methods]
CASES += [(data, method) for data in ("iris", "iris_batches") for method in NETWORKS]
CASES += [("digits_batches", method) for method in ("mlp_diagonal_newton", "mlp_kronecker_newton")]


class WithoutReduction(LogisticRegression):
    """The negative control: every process minimises the loss of its own rows."""

    @property
    def reduction(self) -> Reduction:
        return this_process


def iterates(data: str, method: str, **options: Any) -> torch.Tensor:
    """θ after each epoch of a case; one that converges early keeps its last θ."""
    torch.manual_seed(0)
    module = DATA[data]()
    model: ObjectiveModule
    if method == "without_reduction":
        model = WithoutReduction(module.num_features, 0.01, optimizer=Newton)
    elif method in NETWORKS:
        model = NETWORKS[method](WIDTHS[data], "tanh", l2=0.01)
    else:
        model = make_model(module, METHODS[method])
    return fit_iterates(model, module, EPOCHS, **options)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    processes, folder = int(sys.argv[1]), Path(sys.argv[2])
    options = {"devices": processes, "strategy": "ddp"}
    cases = [*CASES, ("breast_cancer", "without_reduction")]
    results = {f"{data}-{method}": iterates(data, method, **options) for data, method in cases}
    torch.save(results, folder / f"rank_{os.environ.get('LOCAL_RANK', '0')}.pt")
