"""Random tables and random options: they work, or they are refused in one line of words; never a crash without a message."""

import io
import string
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line.one_line_errors import run
from fit import main
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datamodules import TabularDataModule

QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

cells = st.one_of(
    st.integers(-5, 5).map(str),
    st.floats(width=32).map(str),
    st.sampled_from(
        ["", "nan", "NA", "null", "inf", "-inf", "1e308", "1,5", "true", "false", "2024-01-02", "12:30", '"', "a", "b"]
    ),
    st.text(string.printable + "äß€\x00\ud7ff", max_size=4),
)
names = st.one_of(st.sampled_from(["x", "y", "z"]), st.text(string.printable + "ä", max_size=3))


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Columns that are mostly of a kind, and lines that are mostly of a length; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    columns = draw(st.integers(1, 4))
    kinds = [draw(st.lists(cells, min_size=1, max_size=4)) for _ in range(columns)]
    lines = [",".join(draw(names) for _ in range(columns - 1)) + ("," if columns > 1 else "") + "target"]
    for i in range(draw(st.integers(0, 40))):
        row = [kind[i % len(kind)] if i % 3 else str(i) for kind in kinds]
        lines.append(",".join(row[: draw(st.integers(columns - (i == 7), columns))]))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


values = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=30, max_size=30),
    st.lists(st.floats(), min_size=30, max_size=30),
    st.lists(st.none(), min_size=30, max_size=30),
    st.lists(st.booleans(), min_size=30, max_size=30),
    st.lists(st.dates(), min_size=30, max_size=30),
    st.lists(st.binary(max_size=2), min_size=30, max_size=30),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=30, max_size=30),
    st.lists(st.decimals(0, 9, places=2), min_size=30, max_size=30),
    st.lists(st.lists(st.integers(0, 3), max_size=2), min_size=30, max_size=30),
)


def judge(data: TabularDataModule) -> None:
    """Use the module, or have it refuse in words of its own."""
    try:
        features, targets = data.splits["train"]
    except (ValueError, OSError) as error:
        message = str(error)
        assert len(message) > 20, message
        assert "\n" not in message, message
        assert any(word in message for word in REMEDIES), message
    else:
        assert bool(features.isfinite().all())
        assert len(features) == len(targets) > 0
        assert bool(targets.double().isfinite().all())


REMEDIES = (
    "check", "drop", "leave", "name", "choose", "add rows", "change", "rename", "convert", "use ", "correct", "its columns are",
    "nothing to predict", "close or double it", "write the file anew", "write them alike", "give ",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@settings(QUIET, max_examples=300)
@given(content=csv_files(), categorical=st.booleans(), task=st.sampled_from(["auto", "classification", "regression"]))
def test_random_csv(tmp_path: Path, content: bytes, categorical: bool, task: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    judge(TabularDataModule("table.csv", "target", ["x"] if categorical else None, None, task, data_dir=str(tmp_path)))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
@settings(QUIET, max_examples=150)
@given(columns=st.lists(values, min_size=2, max_size=3), categorical=st.booleans())
def test_random_parquet(tmp_path: Path, columns: list[list[object]], categorical: bool) -> None:
    named = dict(zip(["target", "x", "y"], (pa.array(column) for column in columns), strict=False))
    pa.parquet.write_table(pa.table(named), tmp_path / "table.parquet")
    judge(TabularDataModule("table.parquet", "target", ["x"] if categorical else None, data_dir=str(tmp_path)))


words = st.one_of(
    st.sampled_from(
        ["", "null", "true", "-1", "0", "1", "2.5", "nan", ".inf", "1e400", "[]", "{}", "[1,2]", "{a: 1}", "Newton", "!!x"]
    ),
    st.text(string.printable, max_size=5),
)
options = st.sampled_from(
    [
        "--data", "--model", "--model.optimizer", "--data.batch_size", "--data.val_fraction", "--data.test_fraction",
        "--data.seed",
        "--data.standardize", "--data.folds", "--data.fold", "--model.l2", "--model.optimizer.lr", "--model.optimizer.damping",
        "--model.optimizer.curvature", "--model.optimizer.search", "--model.optimizer.tolerance", "--trainer.precision",
        "--trainer.accelerator", "--trainer.limit_train_batches", "--trainer.limit_val_batches", "--trainer.callbacks",
        "--trainer.check_val_every_n_epoch", "--trainer.log_every_n_steps", "--trainer.overfit_batches", "--trainer.plugins",
        "--trainer.min_epochs", "--trainer.max_steps", "--trainer.deterministic", "--trainer.strategy", "--ckpt_path",
        "--checkpoint_every_n_steps", "--test_weights", "--gradient_norms.every_n_steps", "--test_metrics.every_n_epochs",
        "--curvature.max_parameters", "--histograms.every_n_steps", "--config", "--seed_everything", "--nonsense", "--trainer",
        "--data.init_args",
    ]
)  # fmt: skip


@contextmanager
def captured() -> Iterator[io.StringIO]:
    errors = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(errors), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield errors


@pytest.mark.slow
@settings(QUIET, max_examples=150)
@given(chosen=st.lists(st.tuples(options, words), min_size=1, max_size=2))
@example(chosen=[("--trainer.callbacks", "{}")])  # one callback where a list of them may stand
def test_random_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: list[tuple[str, str]]) -> None:
    monkeypatch.chdir(tmp_path)
    with captured() as errors:
        status = run(main, [*(f"{option}={word}" for option, word in chosen), "--trainer.max_epochs=1"])
    said = errors.getvalue()
    assert "Traceback" not in said
    if status:
        assert said.count("\n") == 1, said
        assert said.startswith("error: ")
        assert len(said) > 25, said
        assert "unexpected" not in said, said
