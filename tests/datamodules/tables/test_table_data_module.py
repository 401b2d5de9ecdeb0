"""What the data modules for tables serve, and what they refuse."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import joblib
import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from datamodules import BreastCancerDataModule, CaliforniaHousingDataModule, IrisDataModule
from datamodules.serving.split import split_rows
from datamodules.tables.table_data_module import TableDataModule

MODULES = [BreastCancerDataModule, IrisDataModule, CaliforniaHousingDataModule]
CLASSIFICATION = [BreastCancerDataModule, IrisDataModule]
FILE = "cal_housing_py3.pkz"


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__.removesuffix("DataModule"))
def module(request: pytest.FixtureRequest) -> type[TableDataModule]:
    return request.param


@pytest.fixture
def options(module: type[TableDataModule], request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where the data are, for those that are not bundled; skips where they are not."""
    return {"data_dir": request.getfixturevalue("data_dir")} if module is CaliforniaHousingDataModule else {}


class Recorder(LightningModule):
    """Notes the types of what it is fed."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(num_features, 1)
        self.fed: dict[str, tuple[torch.dtype, torch.dtype]] = {}

    def feed(self, stage: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        features, targets = batch
        self.fed[stage] = (features.dtype, targets.dtype)
        return self.layer(features).square().mean()  # fails on features of another type than the weights

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return self.feed("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.feed("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.feed("test", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def small_trainer(**options: Any) -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        **options,
    )


def test_training_features_have_mean_0_and_variance_1(module: type[TableDataModule], options: dict[str, Any]) -> None:
    features = module(**options).splits["train"][0].numpy()
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-11)
    np.testing.assert_allclose(features.std(0), 1, rtol=1e-11)  # the population's: numpy divides by n


@pytest.mark.parametrize("seed", [0, 7])
def test_features_are_scaled_with_training_statistics(
    module: type[TableDataModule], options: dict[str, Any], seed: int
) -> None:
    """Neither validation nor test rows have a say in mean and standard deviation, and targets are left alone."""
    data = module(**options, seed=seed, val_fraction=0.1, test_fraction=0.3)
    parts = split_rows(data.table, 0.1, 0.3, seed)
    scaler = StandardScaler().fit(data.table.features[parts[0]])
    for (features, targets), rows in zip(data.splits.values(), parts, strict=True):
        np.testing.assert_array_equal(features.numpy(), scaler.transform(data.table.features[rows]))
        np.testing.assert_array_equal(targets.numpy(), data.table.targets[rows])
    assert abs(data.splits["test"][0].mean(0)).max() > 1e-3  # or the test rows had been scaled by themselves


def test_standardize_false_serves_the_features_as_they_are(module: type[TableDataModule], options: dict[str, Any]) -> None:
    data = module(**options, standardize=False)
    for (features, _), rows in zip(data.splits.values(), split_rows(data.table, 0.2, 0.2, 0), strict=True):
        np.testing.assert_array_equal(features.numpy(), data.table.features[rows])


@pytest.mark.parametrize(
    ("module", "num_features", "num_classes", "num_targets", "num_rows"),
    [(BreastCancerDataModule, 30, 2, 1, 569), (IrisDataModule, 4, 3, 1, 150), (CaliforniaHousingDataModule, 8, 0, 1, 20640)],
)
def test_sizes_and_types(
    module: type[TableDataModule],
    options: dict[str, Any],
    num_features: int,
    num_classes: int,
    num_targets: int,
    num_rows: int,
) -> None:
    data = module(**options)
    data.prepare_data()
    data.setup("fit")
    assert (data.num_features, data.num_classes, data.num_targets) == (num_features, num_classes, num_targets)
    assert len(data.feature_names) == num_features
    assert len(data.class_names or ()) == num_classes
    loaders = {"train": data.train_dataloader(), "val": data.val_dataloader(), "test": data.test_dataloader()}
    served = 0
    for name, loader in loaders.items():
        ((features, targets),) = loader  # one full batch
        n = len(features)
        served += n
        assert features.dtype == torch.float64
        assert features.shape == (n, num_features)
        if num_classes:
            assert (targets.dtype, targets.shape) == (torch.int64, (n,))
            assert set(targets.tolist()) == set(range(num_classes)), name
        else:
            assert (targets.dtype, targets.shape) == (torch.float64, (n, num_targets))
    assert served == num_rows


@pytest.mark.parametrize(("module", "load"), [(BreastCancerDataModule, load_breast_cancer), (IrisDataModule, load_iris)])
def test_tables_are_those_of_scikit_learn(module: type[TableDataModule], load: Any) -> None:
    table, expected = module().table, load()
    np.testing.assert_array_equal(table.features, expected.data)
    np.testing.assert_array_equal(table.targets, expected.target)
    assert table.class_names == tuple(expected.target_names)


def test_california_targets_are_in_hundred_thousand_dollars(data_dir: str) -> None:
    targets = CaliforniaHousingDataModule(data_dir).table.targets
    assert targets.max() == 5.00001
    assert (targets > 5).sum() == 965
    assert (targets >= 5).sum() == 992  # the capped ones of the docstring


def test_without_validation_there_is_no_loader_for_it() -> None:
    data = IrisDataModule(val_fraction=0)
    assert data.val_dataloader() == []
    assert len(data.splits["train"][1]) == 120


@pytest.mark.parametrize(("batch_size", "sizes"), [(None, [90]), (40, [40, 40, 10]), (500, [90])])
def test_batch_sizes(batch_size: int | None, sizes: list[int]) -> None:
    loader = IrisDataModule(batch_size=batch_size).train_dataloader()
    assert [len(targets) for _, targets in loader] == sizes


def test_only_training_batches_are_shuffled() -> None:
    data = IrisDataModule(batch_size=7, seed=3)
    for name, loader in (("train", data.train_dataloader()), ("val", data.val_dataloader()), ("test", data.test_dataloader())):
        features = torch.cat([features for features, _ in loader])
        assert torch.equal(features, data.splits[name][0]) == (name != "train")


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", torch.float32), ("64-true", torch.float64)])
def test_batches_arrive_in_the_type_of_the_model(
    module: type[TableDataModule], options: dict[str, Any], precision: Any, dtype: torch.dtype
) -> None:
    """Under training, validation and test; labels stay integers."""
    data = module(**options)
    model = Recorder(data.num_features)
    trainer = small_trainer(precision=precision)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    targets = torch.int64 if data.num_classes else dtype
    assert model.fed == dict.fromkeys(("train", "val", "test"), (dtype, targets))


@pytest.mark.parametrize("module", CLASSIFICATION, indirect=True)
@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"batch_size": 0}, "batch_size=0: a batch needs at least one row; leave it out for all rows"),
        ({"batch_size": -3}, "batch_size=-3: a batch needs at least one row; leave it out for all rows"),
        ({"seed": -1}, "seed=-1: the seed must be an integer from 0 to 2**32 - 1"),
        ({"seed": 2**32}, "seed=4294967296: the seed must be an integer from 0 to 2**32 - 1"),
        ({"val_fraction": 1.0}, "val_fraction=1.0: the share of rows for validation must be in [0, 1)"),
        ({"test_fraction": 1.0}, "test_fraction=1.0: the share of rows for the test must be in [0, 1)"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "leave no rows for training"),
    ],
    ids=str,
)
def test_bad_settings_are_refused_at_once(module: type[TableDataModule], bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as refusal:
        module(**bad)
    assert says in str(refusal.value)


def refuse_connection(*args: Any, **kwargs: Any) -> None:
    raise URLError("no network")


def test_california_without_file_and_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.datasets._california_housing._fetch_remote", refuse_connection)
    with pytest.raises(OSError) as refusal:
        CaliforniaHousingDataModule(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    for part in (f"not in {tmp_path}", "URLError", "no network", FILE, "as data_dir", "connect to the network"):
        assert part in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_retries_of_a_download_are_not_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning would be an error here, and the message would tell of that instead of the network."""
    monkeypatch.setattr("sklearn.datasets._base.urlretrieve", refuse_connection)
    monkeypatch.setattr("sklearn.datasets._base.time.sleep", lambda seconds: None)
    with pytest.raises(OSError, match=r"could not be downloaded .URLError: .*no network"):
        CaliforniaHousingDataModule(str(tmp_path)).prepare_data()


@pytest.mark.parametrize("damage", ["garbage", "empty", "truncated", "something-else"])
def test_california_file_that_is_damaged(tmp_path: Path, damage: str) -> None:
    path = tmp_path / FILE
    if damage == "something-else":
        joblib.dump({"not": "an array"}, path, compress=6)
    elif damage == "truncated":
        joblib.dump(np.arange(20640 * 9.0).reshape(-1, 9), path, compress=6)
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.write_bytes(b"garbage" if damage == "garbage" else b"")
    with pytest.raises(OSError) as refusal:
        CaliforniaHousingDataModule(str(tmp_path)).prepare_data()
    message = str(refusal.value)
    assert str(path) in message
    assert "cannot be read" in message
    assert "delete it" in message
