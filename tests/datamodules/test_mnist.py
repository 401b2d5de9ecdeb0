"""MNIST: its files, its splits, and what becomes of damaged files. The loading is shown on small files everywhere."""

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

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.datasets import MNIST
from torchvision.transforms import Normalize

from datamodules import DigitsDataModule, MNISTDataModule
from datamodules.mnist_download import FILES
from tests.idx_files import write_idx, write_mnist

Written = dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """300 training and 60 test images in `tmp_path`."""
    return write_mnist(tmp_path)


@pytest.fixture
def raw(tmp_path: Path, written: Written) -> Path:
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


def rows(images: Any, labels: Any) -> list[bytes]:
    """Image and label of each row, in an order of their own."""
    return sorted(bytes(image) + bytes([int(label)]) for image, label in zip(np.asarray(images), labels, strict=True))


def test_official_test_images_are_the_test(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path))
    data.prepare_data()
    data.setup("fit")
    assert {name: len(labels) for name, (_, labels) in data.splits.items()} == {"train": 250, "val": 50, "test": 60}
    images, labels = data.splits["test"]
    np.testing.assert_array_equal(images.numpy(), written["t10k"][0].reshape(60, 784))
    np.testing.assert_array_equal(labels.numpy(), written["t10k"][1])
    parts = [data.splits[name] for name in ("train", "val")]
    together = [torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True)]
    assert rows(*together) == rows(written["train"][0].reshape(300, 784), written["train"][1])


def test_a_test_fraction_is_of_the_training_images(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path), val_fraction=0.2, test_fraction=0.2)
    assert [len(labels) for _, labels in data.splits.values()] == [180, 60, 60]
    together = [torch.cat(tensors).numpy() for tensors in zip(*data.splits.values(), strict=True)]
    assert rows(*together) == rows(written["train"][0].reshape(300, 784), written["train"][1])


def test_images_stay_uint8_until_a_batch_is_on_the_device(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path))
    ((images, labels),) = data.train_dataloader()
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert images.data_ptr() == data.splits["train"][0].data_ptr(), "a full batch is a view"
    pixels, same = data.on_after_batch_transfer((images, labels), 0)
    assert torch.equal(pixels, images.float() / 255)
    assert same is labels


def test_normalize_is_torchvisions(tmp_path: Path, written: Written) -> None:
    images = torch.from_numpy(written["t10k"][0])
    normalized = MNISTDataModule(str(tmp_path), normalize=True).to_pixels(images, torch.float32)
    assert torch.equal(normalized, Normalize(0.1307, 0.3081)(images.float().div(255)))


def test_chosen_digits(tmp_path: Path, written: Written) -> None:
    data = MNISTDataModule(str(tmp_path), digits=[7, 2], val_fraction=0.2)
    assert (data.num_classes, data.class_names, data.num_features) == (2, ("2", "7"), 784)
    assert [len(labels) for _, labels in data.splits.values()] == [48, 12, 12]
    images, labels = written["t10k"]
    kept = np.isin(labels, [2, 7])
    np.testing.assert_array_equal(data.splits["test"][0].numpy(), images[kept].reshape(-1, 784))
    np.testing.assert_array_equal(data.splits["test"][1].numpy(), labels[kept] == 7)


def test_sizes_are_known_without_the_files(tmp_path: Path) -> None:
    data = MNISTDataModule(str(tmp_path / "nothing"), digits=[0, 1, 5])
    assert (data.num_features, data.num_classes, data.num_targets) == (784, 3, 1)


def test_the_default_folder_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert len(MNISTDataModule().splits["test"][1]) == 60


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "truncated", "longer", "magic", "packed"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, raw: Path, name: str, damage: str) -> None:
    content = (raw / name).read_bytes()
    damaged = {
        "empty": b"",
        "truncated": content[:-7],
        "longer": content + b"\0",
        "magic": b"\0\0\x09" + content[3:],
        "packed": gzip.compress(content),
    }
    (raw / name).write_bytes(damaged[damage])
    with pytest.raises(ValueError) as refusal:
        MNISTDataModule(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    assert str(raw / name) in message
    assert "\n" not in message
    assert sorted(path.name for path in raw.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("train-labels-idx1-ubyte", np.arange(299) % 10, "300 images but 299 labels"),
        ("t10k-labels-idx1-ubyte", np.arange(61) % 10, "60 images but 61 labels"),
        ("train-labels-idx1-ubyte", np.arange(300) % 12, "50 labels are not 0 to 9 (first 10, image 10)"),
        ("t10k-labels-idx1-ubyte", np.arange(60) % 9, "there is no image of 9 among 60: choose other digits"),
        ("train-images-idx3-ubyte", np.zeros((300, 20, 20)), "images of 20 × 20 pixels, not 28 × 28"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, raw: Path, name: str, values: Any, says: str) -> None:
    write_idx(raw / name, values)
    with pytest.raises(ValueError) as refusal:
        MNISTDataModule(str(tmp_path)).prepare_data()
    assert says in str(refusal.value)
    assert str(raw / name.split("-", maxsplit=1)[0]) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_without_file_and_network(tmp_path: Path, offline: None) -> None:
    """The message says what to do, and nothing is left behind."""
    root = tmp_path / "new" / "data"
    with pytest.raises(OSError) as refusal:
        MNISTDataModule(str(root)).prepare_data()
    message = str(refusal.value)
    for part in (*FILES, str(root / "MNIST" / "raw"), "no network", "DigitsDataModule", "--data.data_dir"):
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


def archives(raw: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of `raw` packed into `folder`, with the checksums that torchvision expects."""
    folder.mkdir(parents=True, exist_ok=True)
    resources = []
    for name in FILES:
        packed = gzip.compress((raw / name).read_bytes())
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)


def test_a_download_gives_the_files(tmp_path: Path, raw: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives(raw, mirror, monkeypatch)
    new = tmp_path / "new"
    assert MNISTDataModule(str(new)).num_rows == 360
    assert sorted(path.name for path in (new / "MNIST" / "raw").iterdir()) == sorted(FILES)


def test_archives_are_unpacked_without_a_network(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    new = tmp_path / "new"
    archives(raw, new / "MNIST" / "raw", monkeypatch)
    assert MNISTDataModule(str(new)).num_rows == 360


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


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        pytest.param({"digits": [0, 1], "val_fraction": 0.2, "test_fraction": 0.2}, [7599, 2533, 2533], id="S8"),
        pytest.param({"val_fraction": 0.2, "test_fraction": 0.2}, [36000, 12000, 12000], id="S9"),
        pytest.param({}, [50000, 10000, 10000], id="S10"),
    ],
)
def test_counts_of_the_published_splits(data_dir: str, options: dict[str, Any], counts: list[int]) -> None:
    data = MNISTDataModule(data_dir, **options)
    assert [len(labels) for _, labels in data.splits.values()] == counts
    shares = [np.bincount(labels) / len(labels) for _, labels in data.splits.values()]
    np.testing.assert_allclose(shares[0], shares[1], atol=1.5 / len(data.splits["val"][1]))
    if options:
        np.testing.assert_allclose(shares[0], shares[2], atol=1.5 / len(data.splits["test"][1]))


def test_real_images_are_the_official_ones(data_dir: str) -> None:
    data = MNISTDataModule(data_dir)
    official = MNIST(data_dir, train=False)
    assert torch.equal(data.splits["test"][0].view(-1, 28, 28), official.data)
    assert torch.equal(data.splits["test"][1], official.targets)
    pixels = data.to_pixels(torch.cat([data.splits["train"][0], data.splits["val"][0]]), torch.float32)
    assert float(pixels.mean()) == pytest.approx(MNISTDataModule.mean, abs=1e-4)
    assert float(pixels.std()) == pytest.approx(MNISTDataModule.std, abs=1e-4)


def test_the_bundled_alternative_takes_the_same_options() -> None:
    options = {"batch_size": 32, "val_fraction": 0.1, "test_fraction": 0.3, "seed": 1, "digits": [0, 1], "normalize": True}
    for module in (MNISTDataModule, DigitsDataModule):
        assert module(**options).class_names == ("0", "1")  # type: ignore[arg-type]
