"""Every option of the Trainer under every method: it works, or is refused in a line before anything is computed."""

from pathlib import Path

import pytest

from tests.trainer_options.rows import Row
from tests.trainer_options.table import QUICK, SLOW
from tests.trainer_options.walking import walk


def name(part: Row | str) -> str:
    return part if isinstance(part, str) else part.label.replace("/", "|")


@pytest.mark.parametrize(("row", "method"), QUICK, ids=name)
def test_one_method_of_each_kind(row: Row, method: str, tmp_path: Path) -> None:
    walk(row, method, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("row", "method"), SLOW, ids=name)
def test_every_method(row: Row, method: str, tmp_path: Path) -> None:
    walk(row, method, tmp_path)
