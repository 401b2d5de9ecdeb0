"""Tables between markers."""

from pathlib import Path

import pytest
from evidence.page_tables import block, markdown_table, with_block, write_block

TEXT = "a\n<!-- x: begin, written by make x -->\nold\n<!-- x: end -->\nb\n<!-- y: begin, written by z -->\n<!-- y: end -->\n"


def test_a_table_is_markdown() -> None:
    assert markdown_table(("a", "b"), [("1", "|x|")]) == "| a | b |\n| --- | --- |\n| 1 | \\|x\\| |"


def test_only_the_named_block_changes() -> None:
    changed = with_block(TEXT, "x", "new\n")
    assert changed == TEXT.replace("old", "new")
    assert (block(TEXT, "x"), block(TEXT, "y")) == ("old\n", "")
    assert block(with_block(TEXT, "y", "\\1 stays\n"), "y") == "\\1 stays\n", "no pattern of replacement"


@pytest.mark.parametrize("text", ["", TEXT + TEXT, TEXT.replace("<!-- x: end -->", "")])
def test_a_block_stands_there_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="there must be one"):
        write_block(path, "x", "new\n")
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]
