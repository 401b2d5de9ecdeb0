"""Who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("lightning_modules", "datamodules", "callbacks", "scripts")
TORCH_ONLY = ("lightning_modules/objectives", "lightning_modules/optimizers", "lightning_modules/networks")
# What callbacks at the top and in folders both use: they import nothing of the project themselves.
SHARED_BY_CALLBACKS = ("callbacks.measured_model", "callbacks.frozen")
# What the files below a folder may import of the project, the most special folder first.
ALLOWED = {
    "lightning_modules/objectives/families": ("lightning_modules.objectives.families",),
    "lightning_modules/objectives": ("lightning_modules.objectives", "lightning_modules.networks"),
    "lightning_modules/optimizers": ("lightning_modules.objectives", "lightning_modules.optimizers"),
    "lightning_modules/networks": ("lightning_modules.networks",),
    "lightning_modules": ("lightning_modules",),
    "datamodules/serving": ("datamodules.serving",),
    "datamodules/tables": ("datamodules.serving", "datamodules.tables"),
    "datamodules/images": ("datamodules.serving", "datamodules.images"),
    "datamodules/mapped": ("datamodules.serving", "datamodules.tables", "datamodules.mapped"),
    "datamodules": ("datamodules",),
    "callbacks/resuming": ("callbacks.resuming",),
    "callbacks/features": ("callbacks.features", *SHARED_BY_CALLBACKS),
    "callbacks": ("callbacks",),
    "scripts": ("lightning_modules", "datamodules", "callbacks"),
}
FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_follow_the_table(path: Path) -> None:
    folder = next(folder for folder in ALLOWED if path.is_relative_to(folder))
    own = {name for name in imported(path) if name.split(".")[0] in PACKAGES}
    forbidden = {name for name in own if not any(f"{name}.".startswith(f"{ok}.") for ok in ALLOWED[folder])}
    assert not forbidden, f"{folder} must not import {forbidden}"
    if folder in TORCH_ONLY or "families" in folder:
        assert not {
            name for name in imported(path) if name.split(".")[0] in ("pytorch_lightning", "lightning_fabric", "torchmetrics")
        }


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=str)
def test_faces_hold_imports_and_all_only(path: Path) -> None:
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_all = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        assert is_docstring or is_all or isinstance(node, ast.ImportFrom), ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_hold_one_idea(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert ast.get_docstring(ast.parse(text)), "every file opens by saying what it holds"


def test_the_table_catches_a_wrong_import(tmp_path: Path) -> None:
    """Negative control: the parser sees what it must refuse."""
    (tmp_path / "wrong.py").write_text("import datamodules\nfrom callbacks.gradient_norms import GradientNorms\n")
    assert imported(tmp_path / "wrong.py") == {"datamodules", "callbacks.gradient_norms"}
