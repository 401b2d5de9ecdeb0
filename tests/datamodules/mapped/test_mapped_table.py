"""A table read from memory-mapped files is the one in memory, made whole or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line.one_line_errors import run
from fit import main
from pytorch_lightning import Callback, LightningModule, Trainer
from sklearn.preprocessing import StandardScaler
from torch.nn.utils import parameters_to_vector

import datamodules.files.table_file
import datamodules.mapped.table_copy
import datamodules.mapped.written_features
from datamodules.columns.report import Report
from datamodules.mapped.division import SplitOptions
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.datamodules.mapped.mapped_tables import N, columns, copies, in_memory, mapped, written
from tests.training import make_model, make_trainer


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small table takes many."""
    monkeypatch.setattr(datamodules.files.table_file, "PIECE_BYTES", 2**13)
    monkeypatch.setattr(datamodules.mapped.written_features, "PIECE_BYTES", 2**13)


def by_row(features: Any, targets: Any) -> np.ndarray:
    """Rows with their targets in an order of their own."""
    rows = np.concatenate([np.asarray(features), np.asarray(targets, float).reshape(len(features), -1)], 1)
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("target", ["text", "flag", "level", "number", "count"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_copy_holds_the_table_that_memory_would(kind: str, target: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind, columns(target))
    whole = {"val_fraction": 0, "test_fraction": 0}
    data, expected = mapped(path, standardize=False, **whole), in_memory(path, **whole).table
    assert isinstance(data.table.features, np.memmap) and isinstance(data.table.targets, np.memmap)
    assert (data.feature_names, data.class_names) == (expected.feature_names, expected.class_names)
    assert data.table.targets.dtype == expected.targets.dtype
    np.testing.assert_array_equal(by_row(data.table.features, data.table.targets), by_row(expected.features, expected.targets))


@pytest.mark.parametrize("target", ["text", "flag", "level", "number", "count"])
def test_the_parts_have_their_shares_of_every_class(target: str, tmp_path: Path) -> None:
    path = written(tmp_path, "csv", columns(target))
    data, expected = mapped(path), in_memory(path).table
    sizes = {name: len(split[1]) for name, split in in_memory(path).splits.items()}
    for name, (_, targets) in data.splits.items():
        assert abs(len(targets) - sizes[name]) <= data.num_classes, "counts are rounded up within every class"
        if data.num_classes:
            shares = np.bincount(targets, minlength=data.num_classes) / np.bincount(expected.targets)
            np.testing.assert_allclose(shares, len(targets) / N, atol=0.01)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_features_are_scaled_by_the_training_rows(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind, columns("level"))
    raw, scaled = mapped(path, standardize=False).splits, mapped(path).splits
    scaler = StandardScaler().fit(raw["train"][0].numpy())
    for name, (features, targets) in scaled.items():
        np.testing.assert_allclose(features, scaler.transform(raw[name][0].numpy()), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(targets, raw[name][1])


def test_rows_are_numbers_of_the_table_at_hand(tmp_path: Path) -> None:
    data = mapped(written(tmp_path, "csv", columns("level")))
    assert sorted(np.concatenate(list(data.rows.values()))) == list(range(N))
    for name, (features, targets) in data.splits.items():
        np.testing.assert_array_equal(data.table.features[data.rows[name]], features)
        np.testing.assert_array_equal(data.table.targets[data.rows[name]], targets)


METHODS: dict[str, Any] = {"newton": Newton, "cg": lambda p: Newton(p, solver="cg"), "diagonal": DiagonalNewton}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["text", "level", "number"])
def test_a_fit_gives_the_answer_of_a_fit_in_memory(target: str, method: str, tmp_path: Path) -> None:
    """The same rows, held in memory, with every iterate the same."""
    path = written(tmp_path, "parquet", columns(target))
    fitted = []
    for copied in (False, True):
        data = mapped(path)
        if copied:
            data.__dict__["splits"] = {name: (x.clone(), y.clone()) for name, (x, y) in data.splits.items()}
        model = make_model(data, METHODS[method], l2=0.01)
        make_trainer(8, limit_val_batches=None).fit(model, data)
        fitted.append(parameters_to_vector(model.parameters()).detach())
    assert float((fitted[0] - fitted[1]).abs().max()) <= 1e-12
    assert float(fitted[0].abs().max()) > 0.1


def test_a_network_and_mini_batches_read_it_too(tmp_path: Path) -> None:
    data = mapped(written(tmp_path, "csv", columns("level")), batch_size=100)
    torch.manual_seed(3)
    model = MLP((data.num_features, 5, 3), "tanh", optimizer=DiagonalNewton)
    trainer = make_trainer(2, limit_val_batches=None)
    trainer.fit(model, data)
    assert trainer.test(model, data, verbose=False)[0]["test/accuracy"] > 0.6


class Judged(Callback):
    """Keeps the objective on which the verdict at the end of a fit is based."""

    objective: Any

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.objective = pl_module.training_objective()  # type: ignore[operator]


def test_a_full_batch_is_a_view_of_the_file_and_evaluation_takes_few_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.mapped.mapped_table.EVALUATION_ROWS", 100)
    data = mapped(written(tmp_path, "csv", columns("level")))
    ((features, targets),) = list(data.train_dataloader())
    assert features.data_ptr() == data.splits["train"][0].data_ptr() == data.table.features.ctypes.data
    assert targets.data_ptr() == data.splits["train"][1].data_ptr()
    model, judged = make_model(data, Newton), Judged()
    make_trainer(2, judged).fit(model, data)
    objective: Any = model._kept._last[2]  # type: ignore[index]
    assert objective.features.data_ptr() == judged.objective.features.data_ptr() == features.data_ptr()
    assert max(len(y) for _, y in data.test_dataloader()) == 100
    assert torch.equal(torch.cat([x for x, _ in data.test_dataloader()]), data.splits["test"][0])


def test_all_rows_in_single_precision_are_refused(tmp_path: Path) -> None:
    data = mapped(written(tmp_path, "csv", columns("level")))
    with pytest.raises(ValueError, match=r"would be a copy in memory; use the trainer's precision='64-true'"):
        make_trainer(1, precision="32-true").fit(make_model(data, Newton), data)
    data = mapped(written(tmp_path, "csv", columns("level")), batch_size=50)
    make_trainer(1, precision="32-true").fit(make_model(data, Newton), data)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, "csv", columns("text"))
    arguments = ["--data=TabularDataModule", f"--data.path={path}", "--data.target=y", "--data.exclude=[id]"]
    assert run(main, [*arguments, "--data.memory_map=maps"]) == 0
    (summary,) = tmp_path.rglob("summary.json")
    assert json.loads(summary.read_text())["status"] == "converged"
    assert len(copies(tmp_path)) == 1


# -- The copy -----------------------------------------------------------------------------------------------------


def test_the_copy_is_made_once_for_the_same_file_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "csv", columns("level"))
    assert mapped(path).num_rows == N
    with monkeypatch.context() as patch:
        patch.setattr("datamodules.mapped.mapped_table.write_copy", lambda *_: pytest.fail("it is there"))
        assert mapped(path).num_rows == N
    for options in ({"seed": 1}, {"standardize": False}, {"val_fraction": 0.1}, {"categorical": ["ward", "whole"]}):
        before = len(copies(tmp_path))
        mapped(path, **options).table  # noqa: B018
        assert len(copies(tmp_path)) == before + 1
    changed = columns("level")
    changed["a"][0] = 7.25
    written(tmp_path, "csv", changed)
    assert (np.asarray(mapped(path, standardize=False).table.features) == 7.25).any()


def test_what_is_not_finished_is_not_taken_for_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "csv", columns("level"))
    with monkeypatch.context() as patch:
        patch.setattr("datamodules.mapped.table_copy.json.dumps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            datamodules.mapped.table_copy.write_copy(tmp_path, *arguments(path), "identity")
    assert not (tmp_path / "about.json").exists() and (tmp_path / "features.npy").exists()

    def interrupted(folder: Path, *_: Any) -> None:
        (folder / "features.npy").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("datamodules.mapped.mapped_table.write_copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mapped(path).table  # noqa: B018
    assert not copies(tmp_path), "nothing half-written is left"
    # Nor is it taken where a kill left no time to clean up, and the next run does that.
    (lock,) = (tmp_path / "maps").glob(".*.lock")
    left = tmp_path / "maps" / f"{lock.stem}-x.partial"
    left.mkdir()
    (left / "features.npy").write_bytes(b"half")
    assert mapped(path).num_rows == N
    (whole,) = copies(tmp_path)
    assert json.loads((whole / "about.json").read_text())["sizes"] == [len(y) for _, y in mapped(path).splits.values()]


def arguments(path: str) -> tuple[Any, ...]:
    data = mapped(path)
    return data.file, data.rules, SplitOptions(0.2, 0.2, 0, True), Report(data.rules.path), None


def test_a_disk_too_small_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "csv", columns("level"))
    monkeypatch.setattr("datamodules.mapped.reserved_file.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(OSError, match=r"takes .* GB and 1e-06 GB are free: make room, or give another folder"):
        mapped(path).table  # noqa: B018
    assert not copies(tmp_path)
