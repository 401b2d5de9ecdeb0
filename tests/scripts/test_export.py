"""Exported programs give the model's numbers without the project."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line.one_line_errors import run
from export import main
from predicting.predictor import Predictor
from predicting.trained import read_trained
from torch import Tensor

from datamodules import ArrayDataModule, BreastCancerDataModule, DigitsDataModule, IrisDataModule
from lightning_modules import CNN, ResidualMLP, SimCLR
from lightning_modules.networks import ACTIVATIONS
from tests.scripts.trained_models import ADAM, make_mlp, train
from tests.training import make_trainer

GENERATOR = np.random.default_rng(0)
REGRESSION = ArrayDataModule(GENERATOR.normal(5e3, 2.0, (60, 3)), GENERATOR.normal(size=(60, 2)))
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


def raw_rows(data: Any, rows: int, dtype: torch.dtype) -> Tensor:
    """Features as they are in the table."""
    features = data.splits["test"][0][:rows].double().numpy()
    if isinstance(data, DigitsDataModule):
        return torch.from_numpy(features).to(dtype)
    return torch.from_numpy(features * data.preprocessing.deviation + data.preprocessing.mean).to(dtype)


def exported(folder: Path, ckpt: str, name: str, *args: str) -> Path:
    assert run(main, [f"--ckpt={ckpt}", f"--output={folder / name}", "--overwrite", *args]) == 0
    return folder / name


def run_onnx(path: Path, features: Tensor) -> Tensor:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install -e '.[dev]'")
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (predictions,) = session.run(None, {"features": features.numpy()})
    return torch.from_numpy(predictions)


def check(folder: Path, ckpt: str, data: Any, suffix: str, dtype: torch.dtype) -> None:
    """One row and many, more than the exporter saw."""
    precision = str(dtype).removeprefix("torch.")
    path = exported(folder, ckpt, f"model{suffix}", f"--precision={precision}")
    trained = read_trained(Path(ckpt))
    predictor = Predictor(trained.model.to(dtype), trained.preprocessing)
    program = torch.export.load(io.BytesIO(path.read_bytes())).module() if suffix == ".pt2" else None
    for rows in (1, 9):
        features = raw_rows(data, rows, dtype)
        expected = predictor(features).detach()
        found = run_onnx(path, features) if program is None else program(features).detach()
        assert (found.shape, found.dtype) == (expected.shape, dtype)
        torch.testing.assert_close(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_convolutions(tmp_path: Path, suffix: str) -> None:
    data = DigitsDataModule()
    ckpt, _ = train(tmp_path, data, CNN((8, 8), 10, channels=[2, 3], hidden=[4], optimizer=ADAM))
    check(tmp_path, ckpt, data, onnx_too(suffix), torch.float32)


def onnx_too(suffix: str) -> str:
    if suffix == ".onnx":
        pytest.importorskip("onnxscript", reason="pip install -e '.[export]'")
    return suffix


@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
@pytest.mark.parametrize(
    ("data", "dtype"),
    [(BreastCancerDataModule(), torch.float32), (IrisDataModule(), torch.float64), (REGRESSION, torch.float64)],
    ids=["logistic", "softmax", "linear"],
)
def test_linear_models(tmp_path: Path, data: Any, dtype: torch.dtype, suffix: str) -> None:
    ckpt, _ = train(tmp_path, data)
    check(tmp_path, ckpt, data, onnx_too(suffix), dtype)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_networks(tmp_path: Path, activation: str) -> None:
    data = IrisDataModule()
    ckpt, _ = train(tmp_path, data, make_mlp(data, activation=activation))
    check(tmp_path, ckpt, data, ".pt2", torch.float64)


@pytest.mark.slow
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_networks_in_onnx(tmp_path: Path, activation: str) -> None:
    data = IrisDataModule()
    ckpt, _ = train(tmp_path, data, make_mlp(data, activation=activation))
    check(tmp_path, ckpt, data, onnx_too(".onnx"), torch.float32)


def test_residual_network_in_single_precision(tmp_path: Path) -> None:
    model = ResidualMLP([3, 4, 4, 2], loss="l1", optimizer=ADAM)
    ckpt, _ = train(tmp_path, REGRESSION, model, precision="32-true")
    check(tmp_path, ckpt, REGRESSION, ".pt2", torch.float32)


@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_encoder_with_its_probe(tmp_path: Path, suffix: str) -> None:
    """In ONNX in the precision that is its default."""
    data = DigitsDataModule()
    model = SimCLR((8, 8), 10, features=8, channels=8, optimizer=ADAM).double()
    with pytest.raises(ValueError, match="no probe of its present encoder"):
        model.predict(raw_rows(data, 1, torch.float64))
    model.probe_weight.normal_()
    model.probe_fits.fill_(1)
    trainer = make_trainer(1)
    trainer.strategy.connect(model)
    trainer.datamodule = data  # type: ignore[attr-defined]
    trainer.save_checkpoint(tmp_path / "trained.ckpt")
    dtype = torch.float32 if suffix == ".onnx" else torch.float64
    check(tmp_path, str(tmp_path / "trained.ckpt"), data, onnx_too(suffix), dtype)


@pytest.mark.slow
def test_the_file_is_all_that_is_needed(tmp_path: Path) -> None:
    """In a Python that cannot import the project."""
    data = IrisDataModule()
    ckpt, model = train(tmp_path, data)
    path = exported(tmp_path, ckpt, "model.pt2")
    code = (
        "import torch, json, sys; files = {'classes': '', 'features': ''}; "
        f"program = torch.export.load({str(path)!r}, extra_files=files).module(); "
        "print(json.dumps([files, program(torch.tensor([[5.1, 3.5, 1.4, 0.2]], dtype=torch.float64)).tolist()])); "
        "assert not any(name.startswith(('lightning', 'datamodules', 'pytorch_lightning')) for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files, ((first, *_),) = json.loads(done.stdout)
    assert json.loads(files["classes"]) == ["setosa", "versicolor", "virginica"]
    assert json.loads(files["features"]) == list(data.feature_names)
    assert first == pytest.approx(model.predict(data.scaled([[5.1, 3.5, 1.4, 0.2]]))[0, 0].item(), rel=1e-12)


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ckpt, _ = train(tmp_path, IrisDataModule())
    (tmp_path / "there.pt2").write_text("precious")
    for name, words in (("there.pt2", "--overwrite"), ("model.h5", ".pt2 or .onnx")):
        assert run(main, [f"--ckpt={ckpt}", f"--output={tmp_path / name}"]) == 1
        assert words in capsys.readouterr().err
    assert (tmp_path / "there.pt2").read_text() == "precious"
    monkeypatch.setattr("predicting.program.find_spec", lambda name: None)
    assert run(main, [f"--ckpt={ckpt}", f"--output={tmp_path}/model.onnx"]) == 1
    assert "needs onnx and onnxscript, not installed: pip install -e '.[export]'" in capsys.readouterr().err
    assert not list(tmp_path.glob("model.*"))
