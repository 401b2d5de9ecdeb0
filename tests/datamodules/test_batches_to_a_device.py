"""A batch of any data module goes to a device without the host being held up, and comes out there as on the CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules import (
    BreastCancerDataModule,
    DigitsDataModule,
    IrisDataModule,
    MNISTDataModule,
    MNISTTwoViewDataModule,
    TabularDataModule,
)
from tests.idx_files import write_mnist
from tests.simulated_device import DEVICE, counting

CPU = torch.device("cpu")
CSV = "a,b,y\n" + "".join(f"{k % 7},{'uv'[k % 2]},{k % 5}.5\n" for k in range(60))
MODULES: dict[str, Callable[..., Any]] = {
    "breast cancer": lambda folder, **options: BreastCancerDataModule(**options),
    "Iris": lambda folder, **options: IrisDataModule(**options),
    "digits": lambda folder, **options: DigitsDataModule(**options),
    "MNIST": lambda folder, **options: MNISTDataModule(folder, normalize=True, **options),
    "two views": MNISTTwoViewDataModule,
    "a file": lambda folder, **options: TabularDataModule(f"{folder}/table.csv", "y", **options),
    "a mapped file": lambda folder, **options: TabularDataModule(f"{folder}/table.csv", "y", memory_map=folder, **options),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("data")
    write_mnist(root)
    Path(root, "table.csv").write_text(CSV)
    return str(root)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize("name", MODULES)
def test_nobody_waits_for_a_batch(name: str, batch_size: int | None, split: str, folder: str) -> None:
    data = MODULES[name](folder, batch_size=batch_size)
    data.prepare_data()
    data.setup("fit")
    batch = next(iter(getattr(data, f"{split}_dataloader")()))
    with counting() as counts:
        there = data.transfer_batch_to_device(batch, DEVICE, 0)
    assert (counts.waits, counts.copies) == ([], [])
    here = data.transfer_batch_to_device(batch, CPU, 0)
    assert len(there) == len(here) and all(part.device == DEVICE for part in there)
    assert all(torch.equal(part.cpu(), expected) for part, expected in zip(there, here, strict=True))


def test_a_batch_that_is_moved_part_by_part_holds_the_host_up(folder: str) -> None:
    """Negative control."""
    batch = next(iter(MODULES["digits"](folder).train_dataloader()))
    with counting() as counts:
        [part.to(DEVICE) for part in batch]
    assert len(counts.copies) == 2
