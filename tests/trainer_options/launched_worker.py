"""Fits by a strategy that starts processes: `python launched_worker.py STRATEGY DEVICES METHOD FILE` keeps the end weights."""

import json
import sys
import warnings
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from datamodules import IrisDataModule
from lightning_modules import SoftmaxRegression
from tests.training import METHODS, make_trainer

if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    strategy, devices, method, file = sys.argv[1:]
    model = SoftmaxRegression(4, 3, 0.01, optimizer=partial(METHODS[method]))
    trainer = make_trainer(3, strategy=strategy, devices=int(devices), default_root_dir=str(Path(file).parent))
    trainer.fit(model, IrisDataModule(batch_size=40))
    try:
        said = model.convergence().status
    except RuntimeError as error:
        said = str(error)
    numbers = {"theta": [float(x) for p in model.parameters() for x in p.flatten()], "said": said}
    Path(file).write_text(json.dumps(numbers))
