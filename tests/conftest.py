"""What several tests need."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Programs that tests run in this process keep no freed memory, which would hide what others measure: see `kept_memory`.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "131072")

ROOT = Path(__file__).parents[1]

# Torch, Lightning and the tests make a million objects that stay. To look at each of them for garbage, again and again, takes a
# third of the time of short tests: nothing is looked at until all are there, and then only what is made later.
gc.disable()

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def stays_in_its_folder() -> Iterator[None]:
    """A test that left its process in another folder would fail those after it that read files of the repository."""
    folder = Path.cwd()
    yield
    left_in = Path.cwd()
    os.chdir(folder)
    assert left_in == folder


@pytest.fixture
def data_dir() -> str:
    """Folder with the real data that cannot be downloaded here."""
    folder = Path(os.environ.get("LIGHTNING_NEWTON_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data are not in {folder}; set LIGHTNING_NEWTON_DATA to their folder")
    return str(folder)


@pytest.fixture
def tables_dir() -> Path:
    """Folder with real tables as their packages ship them: tables.csv names file, target and model, csv/ holds the files."""
    folder = Path(os.environ.get("LIGHTNING_NEWTON_TABLES", ROOT.parent / "shared" / "tables"))
    if not (folder / "tables.csv").is_file():
        pytest.skip(f"the real tables are not in {folder}; set LIGHTNING_NEWTON_TABLES to their folder")
    return folder
