"""A run's config.yaml repeats the run, whatever a column is called."""

from pathlib import Path

import pytest
import yaml
from command_line.one_line_errors import run
from command_line.yaml_text import from_yaml, to_yaml_page
from fit import main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scripts.hostile.names import KINDS

HOSTILE = [name for kind in KINDS for name in kind]
values = st.one_of(
    st.text(),
    st.sampled_from([*HOSTILE, "1e5", "1e-3", "2020-01-01", "1_0", "12:30", "0x1", ".inf"]),
    st.floats(allow_nan=False),
    st.none(),
)


# Where hypothesis has never run, its first text takes a second or two: it makes itself a table of all signs.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abc"), st.one_of(values, st.lists(values))))
def test_what_is_written_is_read(content: dict[str, object]) -> None:
    assert from_yaml(to_yaml_page(content)) == content


def test_yaml_alone_is_read_otherwise() -> None:
    """Negative control."""
    assert from_yaml(yaml.safe_dump({"target": "1e5"})) == {"target": 1e5}


def test_a_column_called_like_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,1e5\n" + "".join(f"{i * 7 % 11},{i % 5}.5\n" for i in range(60)))
    data = ["--data=TabularDataModule", "--data.path=t.csv", "--data.target=1e5"]
    assert run(main, [*data, "--model=LinearRegression"]) == 0
    (config,) = tmp_path.rglob("config.yaml")
    assert from_yaml(config.read_text())["data"]["init_args"]["target"] == "1e5"
    assert run(main, [f"--config={config}"]) == 0
