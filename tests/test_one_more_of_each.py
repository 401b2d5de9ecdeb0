"""One more of each is one more file and one line in a face: in a copy of the project, tests and strict types accept it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_examples import all_blocks

# The README's example of a class, and the package that it joins.
FROM_README = {
    "SteepestDescent": "lightning_modules/optimizers",
    "RateRegression": "lightning_modules",
    "WineDataModule": "datamodules",
}
FAMILY = '''"""Counts."""

import torch
from torch import Tensor

from lightning_modules.objectives.families.family import Family


class Geometric(Family):
    """l(z, y) = (y + 1) log(1 + eᶻ) − y z with counts y ≥ 0, of mean eᶻ; K = 1."""

    self_concordance = 1.0

    def __init__(self) -> None:
        super().__init__(num_outputs=1)

    def check(self, targets: Tensor) -> Tensor:
        """Counts, shape (n,) or (n, 1) -> (n, 1)."""
        y = targets[:, None] if targets.ndim == 1 else targets
        if y.shape[1:] != (1,) or bool((y < 0).any()) or bool((y != y.round()).any()):
            raise ValueError("the targets are no counts: use LinearRegression")
        return y

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        return ((y + 1) * torch.nn.functional.softplus(z, threshold=40) - y * z)[:, 0]

    def mean(self, z: Tensor) -> Tensor:
        return z.exp()

    def gradient(self, z: Tensor, y: Tensor) -> Tensor:
        return (y + 1) * torch.sigmoid(z) - y

    def curvature(self, z: Tensor, y: Tensor) -> Tensor:
        return self.curvature_diagonal(z, y)[:, :, None]

    def curvature_diagonal(self, z: Tensor, y: Tensor) -> Tensor:
        return (y + 1) * torch.sigmoid(z) * torch.sigmoid(-z)

    def curvature_product(self, z: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return self.curvature_diagonal(z, y) * v

    def curvature_factor(self, z: Tensor, y: Tensor) -> Tensor:
        return self.curvature_diagonal(z, y).sqrt()[None]

    def recession(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.where(z > 0, z, -y * z)[:, 0]
'''
CALLBACK = '''"""How many epochs went by."""

from pytorch_lightning import Callback, LightningModule, Trainer


class EpochCounter(Callback):
    """Counts the epochs of training in `epochs`."""

    def __init__(self) -> None:
        self.epochs = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.epochs += 1
'''
OTHERS = {"Geometric": ("lightning_modules/objectives/families", FAMILY), "EpochCounter": ("callbacks", CALLBACK)}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one more of each."""
    copy = tmp_path_factory.mktemp("project")
    for folder in [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and any(path.rglob("*.py"))]:
        shutil.copytree(folder, copy / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    examples = all_blocks()
    added = {name: (package, code) for name, package in FROM_README.items() for code in examples if f"class {name}(" in code}
    assert added.keys() == FROM_README.keys()
    for name, (package, code) in (added | OTHERS).items():
        module = re.sub("(?<!^)([A-Z])", r"_\1", name).lower()
        (copy / package / f"{module}.py").write_text(code, encoding="utf-8")
        face, place = copy / package / "__init__.py", package.replace("/", ".")
        if (stub := face.with_suffix(".pyi")).exists():  # a lazy face has its lines there, relative ones
            face, place = stub, ""
        line = f"from {place}.{module} import {name}"
        text = face.read_text(encoding="utf-8")
        face.write_text(text.replace("\n__all__ = [", f'{line}\n\n__all__ = ["{name}",', 1), encoding="utf-8")
    sort = [sys.executable, "-m", "ruff", "check", "--quiet", "--fix", "--select=I001,RUF022", "."]
    subprocess.run(sort, cwd=copy, check=True, timeout=60)  # the line may stand anywhere in the face
    return copy


CHECKS = {
    "style": ["ruff", "check", "."],
    "types": ["mypy"],
    "tests": ["pytest", "-q", "-p", "no:cacheprovider", "tests/test_contracts.py", "tests/test_architecture.py"],
}


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_one_more_of_each_is_accepted(extended: Path, check: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(extended), str(extended / "scripts")])}
    command = [sys.executable, "-m", *CHECKS[check]]
    done = subprocess.run(command, cwd=extended, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    if check == "tests":
        assert done.stdout.count("passed") == 1


@pytest.mark.slow
def test_what_is_new_is_among_what_is_tested(extended: Path) -> None:
    """Else the tests above would pass because they do not look."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(extended), str(extended / "scripts")])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests/test_contracts.py"]
    done = subprocess.run(command, cwd=extended, env=environment, capture_output=True, text=True, timeout=300, check=False)
    for name in (*FROM_README, *OTHERS):
        assert re.search(rf"\[.*{name}.*\]", done.stdout), name
