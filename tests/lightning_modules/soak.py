"""Many short fits in one process, and what they leave behind. Run by test_soak.py: `python soak.py FITS EVERY [leak]`.

Every tenth is one of the command line, logged into the current folder. Prints a list of measurements, one after every so
many fits. With `leak` each fit leaves its data and an open file.
"""

import gc
import json
import os
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import torch
from command_line.quiet import quiet
from fit import main as fit_main

from callbacks import ConvergenceStatus, GradientNorms
from datamodules import BreastCancerDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.training import make_model, make_trainer

DATA = {"iris": IrisDataModule, "cancer": BreastCancerDataModule, "digits": partial(DigitsDataModule, digits=[0, 1])}
METHODS: dict[str, Any] = {
    "newton": Newton,
    "cg": partial(Newton, solver="cg"),
    "diagonal": DiagonalNewton,
    "descent": partial(GradientDescent, lr=0.1),
    "adam": partial(torch.optim.Adam, lr=0.1),
}


def fit(number: int) -> None:
    """Number by number every data module, method, model and kind of batch."""
    data = list(DATA.values())[number % len(DATA)](batch_size=None if number % 2 else 200, seed=number)
    method = list(METHODS.values())[number % len(METHODS)]
    if number % 7 == 0 and number % len(METHODS) != 1:
        model: Any = MLP((data.num_features, 3, data.num_classes), "tanh", optimizer=method)
    else:
        model = make_model(data, method, l2=0.1)
    trainer = make_trainer(2, ConvergenceStatus(), GradientNorms(), limit_val_batches=None)
    trainer.fit(model, data)
    if number % 3 == 0:
        trainer.test(model, data, verbose=False)


def fit_by_command(number: int) -> None:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        fit_main([f"--data.seed={number}", "--trainer.max_epochs=2", "--gradient_norms.every_n_steps=1"])


def left_behind() -> dict[str, int]:
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "kilobytes": int(status["RssAnon"].split()[0]),
        "threads": int(status["Threads"]),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "objects": len(gc.get_objects()),
    }


def main(fits: int, every: int, leak: bool) -> None:
    quiet()
    measured, kept = [], []
    for number in range(fits):
        if number % 10:
            fit(number)
        else:
            fit_by_command(number)
        if leak:
            kept.append((torch.zeros(2**15), open(os.devnull)))  # noqa: SIM115
        if (number + 1) % every == 0:
            measured.append(left_behind())
    print(json.dumps(measured))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["leak"])
