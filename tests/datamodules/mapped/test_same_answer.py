"""A table gives the same answer from mapped files as in memory, whatever dirt it holds."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector

import datamodules.files.table_file
import datamodules.mapped.written_features
from datamodules import TabularDataModule
from lightning_modules import LinearRegression
from lightning_modules.optimizers import Newton
from tests.datamodules.mapped.dirty_tables import DIRT, ROWS, TARGETS, write
from tests.training import make_trainer


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small table takes many."""
    monkeypatch.setattr(datamodules.files.table_file, "PIECE_BYTES", 2**12)
    monkeypatch.setattr(datamodules.mapped.written_features, "PIECE_BYTES", 2**12)


WHOLE: dict[str, Any] = {"val_fraction": 0, "test_fraction": 0}


def modules(path: str, **options: Any) -> tuple[TabularDataModule, TabularDataModule]:
    """From mapped files and in memory, with all rows of the file for training."""
    delimiter = {"delimiter": "\t", "encoding": "utf-8"}
    folder = str(Path(path).parent / "maps")
    return (
        TabularDataModule(path, "y", memory_map=folder, **(delimiter | WHOLE | options)),
        TabularDataModule(path, "y", **(delimiter | WHOLE | options)),
    )


def by_row(data: TabularDataModule, part: str) -> np.ndarray:
    """Scaled features with their targets, in an order of their own."""
    features, targets = data.splits[part]
    rows = np.column_stack([np.asarray(features), np.asarray(targets, float)])
    return rows[np.lexsort(rows.round(9).T)]


def check_same(path: str, **options: Any) -> TabularDataModule:
    """Compare all there is; the mapped one."""
    mapped, expected = modules(path, **options)
    assert mapped.feature_names == expected.feature_names and mapped.class_names == expected.class_names
    assert mapped.report.lines(100) == expected.report.lines(100)
    assert mapped.report.columns == expected.report.columns and mapped.report.rows == expected.report.rows
    own, other = mapped.preprocessing, expected.preprocessing
    assert own.encoder == other.encoder and own.is_strict == other.is_strict
    np.testing.assert_allclose(own.mean, other.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(own.deviation, other.deviation, rtol=1e-12, atol=1e-12)
    assert {part: len(y) for part, (_, y) in mapped.splits.items()} == {
        part: len(y) for part, (_, y) in expected.splits.items()
    }
    for part in mapped.splits:
        np.testing.assert_allclose(by_row(mapped, part), by_row(expected, part), rtol=0, atol=1e-9)
    return mapped


OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "drop": {"missing": "drop", "exclude": ["gaps", "empty", "coded by a number", "constant with gaps"]},
    "codes": {"missing_codes": [-9, "seldom", "red"]},
    "commas": {"decimal": ","},
    "categorical": {"categorical": ["grade", "thousands", "flag", "plain"], "max_levels": 7, "rare_levels": 3},
    "plain dates": {"dates": "text", "standardize": False},
    "day first": {"dates": "day_first"},
    "last": {"split_by": "last"},
}


# Every target, and every option.
PAIRS = [*((name, target) for name in ("default", "drop") for target in TARGETS), *((name, "number") for name in OPTIONS)]


@pytest.mark.parametrize(("options", "target"), sorted(set(PAIRS)))
def test_every_kind_of_dirt_at_once(options: str, target: str, tmp_path: Path) -> None:
    names = [name for name in DIRT if OPTIONS[options].get("decimal") != "," or name not in ("thousands", "money")]
    data = check_same(write(tmp_path / "t.tsv", names, target), **OPTIONS[options])
    assert data.num_features > 30 and len(data.report.lines()) > 5


@pytest.mark.parametrize("missing", ["impute", "drop"])
@pytest.mark.parametrize("target", ["number with gaps", "class with gaps", "rare class"])
def test_with_test_rows_of_their_own(target: str, missing: str, tmp_path: Path) -> None:
    names = ["plain", "coded", "colour with gaps", "day", "levels", "rare", "thousands"]
    path = write(tmp_path / "t.tsv", names, target)
    test = write(tmp_path / "test.tsv", names, target, seed=1, rows=200)
    data = check_same(path, test_path=test, missing=missing, test_fraction=0.2)
    assert 100 < len(data.splits["test"][1]) <= 200 < len(data.splits["train"][1])


@pytest.mark.parametrize("target", ["number with gaps", "rare class"])
def test_rows_divided_by_their_order(target: str, tmp_path: Path) -> None:
    """The training rows are the same set here too, and so are the others; classes that are not everywhere are told of."""
    path = write(tmp_path / "t.tsv", ["plain", "coded", "rare", "day with gaps"], target)
    data = check_same(path, split_by="last", val_fraction=0.15, test_fraction=0.25)
    assert len(data.splits["val"][1]) == np.ceil(0.15 * data.num_rows)
    assert any("classes 'only' (1 row), 'two' (2 rows)" in line for line in data.report.lines()) == (target == "rare class")


def test_more_texts_than_are_counted(tmp_path: Path) -> None:
    """Of more than 10 000 different texts the frequent ones are kept for certain."""
    generator, n = np.random.default_rng(0), 30_000
    town = np.where(generator.random(n) < 0.3, generator.choice(["here", "there", "nowhere"], n), np.arange(n).astype(str))
    rows = [f"{x:.3f}\ttown {name}\t{1 - x:.3f}" for x, name in zip(generator.random(n), town, strict=True)]
    (tmp_path / "t.tsv").write_text("size\ttown\ty\n" + "\n".join(rows))
    data = check_same(str(tmp_path / "t.tsv"))
    assert {"town=town there", "town=town nowhere", "town=other"} < {
        *data.feature_names,
        "town=town nowhere",
        "town=town there",
    }
    assert "'town' (more than " in "\n".join(data.report.lines())


@given(
    st.lists(st.sampled_from(sorted(DIRT)), min_size=1, max_size=6, unique=True), st.sampled_from(sorted(TARGETS)), st.data()
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_gives_the_same_answer_or_the_same_refusal(
    tmp_path: Path, names: list[str], target: str, draw: st.DataObject
) -> None:
    options = draw.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "missing": st.sampled_from(["impute", "drop", "refuse"]),
                "missing_codes": st.just([-9]),
                "strict": st.booleans(),
                "task": st.sampled_from(["classification", "regression"]),
                "max_levels": st.sampled_from([2, 100]),
                "rare_levels": st.sampled_from([1, 50]),
            },
        )
    )
    rows = draw.draw(st.sampled_from([8, 40, 200]))
    path = write(tmp_path / "t.tsv", names, target, draw.draw(st.integers(0, 3)), rows)
    try:
        messages = []
        for data in modules(path, **options):
            try:
                data.setup("fit")
            except ValueError as error:
                messages.append(str(error))
        assert len(messages) != 1 and len(set(messages)) <= 1
        assert all("\n" not in message for message in messages)
        if not messages:
            check_same(path, **options)
    finally:
        shutil.rmtree(tmp_path / "maps", ignore_errors=True)


def theta(data: TabularDataModule, l2: float) -> Any:
    model = LinearRegression(data.num_features, 1, l2, optimizer=Newton)
    make_trainer(5).fit(model, data)
    return parameters_to_vector(model.parameters()).detach()


NAMES = ["plain", "gaps", "colour with gaps", "day", "thousands", "levels", "flag"]


def test_the_coefficients_are_the_same(tmp_path: Path) -> None:
    mapped, expected = modules(write(tmp_path / "t.tsv", NAMES, "number with gaps"), rare_levels=20)
    found = theta(mapped, 0.01)
    assert float((found - theta(expected, 0.01)).abs().max()) <= 1e-10
    assert float((found - theta(expected, 0.02)).abs().max()) > 1e-6, "negative control"


@pytest.mark.parametrize("other", [{"seed": 1}, {"rare_levels": 2}, {"val_fraction": 0.5}])
def test_other_tables_or_options_are_told_apart(other: dict[str, Any], tmp_path: Path) -> None:
    """Negative control: the comparison sees a change of the table and of what is done to it."""
    path = write(tmp_path / "t.tsv", NAMES, "number with gaps")
    mapped, _ = modules(path)
    if seed := other.get("seed"):
        path = write(tmp_path / "other.tsv", NAMES, "number with gaps", seed)
    _, expected = modules(path, **({} if "seed" in other else other))
    assert mapped.preprocessing.encoder != expected.preprocessing.encoder
    assert len(mapped.splits["train"][1]) <= ROWS
