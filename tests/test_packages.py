"""What an installed wheel holds."""

from pathlib import Path
from typing import Any

import pytest
from setuptools import Distribution
from setuptools.command.build_py import build_py
from setuptools.config.pyprojecttoml import apply_configuration

from tests.conftest import ROOT


def test_types_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`py.typed` (PEP 561): a type checker otherwise ignores the annotations of an installed package."""
    monkeypatch.chdir(ROOT)
    distribution: Any = apply_configuration(Distribution(), ROOT / "pyproject.toml")
    build = build_py(distribution)
    build.finalize_options()
    files = {package: names for package, _, _, names in build.get_data_files_without_manifest()}
    assert {package: {Path(name).name for name in names} for package, names in files.items() if names} == {
        "lightning_modules": {"py.typed", "__init__.pyi"},  # without its stub a lazy face cannot be imported
        "lightning_modules.linear": {"__init__.pyi"},
        "datamodules": {"py.typed", "__init__.pyi"},
        "callbacks": {"py.typed"},
    }
    for folder in ("lightning_modules.objectives.families", "datamodules.mapped", "callbacks.features"):
        assert folder in files, "a folder is a package, and is found as one"
