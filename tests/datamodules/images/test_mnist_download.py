"""MNIST's files where there are none yet: downloaded, unpacked, or asked for, with nothing left behind by a failure."""

import gzip
import hashlib
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from torchvision.datasets import MNIST

from datamodules import MNISTDataModule
from datamodules.images.mnist_download import FILES
from tests.idx_files import write_mnist


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The folder of the files of 300 training and 60 test images."""
    write_mnist(tmp_path)
    return tmp_path / "MNIST" / "raw"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is torchvision's only mirror, by HTTP."""
    folder = tmp_path / "mirror"
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        yield folder
        server.shutdown()
        thread.join()


def archives(raw: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of `raw` packed into `folder`, with the checksums that torchvision expects."""
    folder.mkdir(parents=True, exist_ok=True)
    resources = []
    for name in FILES:
        packed = gzip.compress((raw / name).read_bytes())
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)


# -- Without a download -------------------------------------------------------------------------------------------


def test_without_file_and_network(tmp_path: Path, offline: None) -> None:
    """The message says what to do, and nothing is left behind."""
    root = tmp_path / "new" / "data"
    with pytest.raises(OSError) as refusal:
        MNISTDataModule(str(root)).prepare_data()
    message = str(refusal.value)
    for part in (*FILES, str(root / "MNIST" / "raw"), "no network", "DigitsDataModule", "as data_dir"):
        assert part in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_only_the_missing_files_are_asked_for(tmp_path: Path, raw: Path, offline: None) -> None:
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(OSError, match=r"put t10k-labels-idx1-ubyte .unpacked"):
        MNISTDataModule(str(tmp_path)).prepare_data()
    assert len(list(raw.iterdir())) == 3


def test_without_permission_to_download(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"set download=true, or put train-images.*DigitsDataModule"):
        MNISTDataModule(str(tmp_path), download=False).prepare_data()
    assert list(tmp_path.iterdir()) == []


def test_archives_are_unpacked_without_a_network(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    new = tmp_path / "new"
    archives(raw, new / "MNIST" / "raw", monkeypatch)
    assert MNISTDataModule(str(new)).num_rows == 360


# -- By a download ------------------------------------------------------------------------------------------------


def test_a_download_gives_the_files(tmp_path: Path, raw: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives(raw, mirror, monkeypatch)
    new = tmp_path / "new"
    assert MNISTDataModule(str(new)).num_rows == 360
    assert sorted(path.name for path in (new / "MNIST" / "raw").iterdir()) == sorted(FILES)


@pytest.mark.parametrize(("damage", "says"), [("checksum", "File not found or corrupted"), ("header", "truncated")])
def test_a_broken_download_leaves_no_file(
    tmp_path: Path, raw: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, damage: str, says: str
) -> None:
    """Neither the broken file nor the whole ones before it, so the next run does not take them for good."""
    if damage == "header":
        (raw / "t10k-labels-idx1-ubyte").write_bytes((raw / "t10k-labels-idx1-ubyte").read_bytes()[:-1])
    archives(raw, mirror, monkeypatch)
    if damage == "checksum":
        (mirror / "t10k-labels-idx1-ubyte.gz").write_bytes(b"half a fi")
    shutil.rmtree(raw)
    new = tmp_path / "new"
    for _ in range(2):
        with pytest.raises(OSError, match=rf"could not be downloaded .*{says}"):
            MNISTDataModule(str(new)).prepare_data()
        assert not new.exists()
