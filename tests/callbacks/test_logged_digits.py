"""What is logged during a fit has all digits of float64, in single precision too."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger

from callbacks import TrainMetrics
from datamodules import BreastCancerDataModule, IrisDataModule
from lightning_modules.optimizers import Newton
from tests.callbacks.memory_logger import MemoryLogger
from tests.training import make_model, make_trainer


@pytest.mark.parametrize("precision", ["64-true", "32-true"])
@pytest.mark.parametrize("data_class", [BreastCancerDataModule, IrisDataModule])
def test_every_metric_of_every_logger_is_the_measured_one_to_the_last_digit(
    precision: str, data_class: type, tmp_path: Path
) -> None:
    data, memory, table = data_class(), MemoryLogger(), CSVLogger(tmp_path)
    model = make_model(data, Newton)
    stopping = EarlyStopping("val/auroc", mode="max", patience=9)
    trainer = make_trainer(
        3, TrainMetrics(), stopping, logger=[memory, table], limit_val_batches=1.0, precision=precision, log_every_n_steps=1
    )
    trainer.fit(model, data)
    monitored = dict(trainer.callback_metrics)
    with Path(table.log_dir, "metrics.csv").open() as file:
        lines = list(csv.DictReader(file))
    dtype = torch.float64 if precision == "64-true" else torch.float32
    for split in ("train", "val"):
        measurement = model.to(dtype).measurement()
        x, y = data.splits[split]
        measurement.add((x.to(dtype), y))
        expected = {f"{split}/{name}": float(value) for name, value in measurement.values().items()}
        assert any(float(np.float32(value)) != value for value in expected.values()), "in float32 digits would be lost"
        for name, value in expected.items():
            logged = [float(line[name]) for line in lines if line[name]]
            assert logged[-1] == list(memory.values[name].values())[-1] == pytest.approx(value, rel=1e-14)
            assert split == "train" or (monitored[name].dtype == torch.float64 and float(monitored[name]) == logged[-1])
    (tested,) = trainer.test(model, data, verbose=False)
    (validated,) = trainer.validate(model, data, verbose=False)
    assert validated == pytest.approx({name: float(monitored[name]) for name in validated}, rel=1e-14)
    assert set(tested) == {name.replace("val/", "test/") for name in validated}
    assert float(stopping.best_score) == max(memory.values["val/auroc"].values())
