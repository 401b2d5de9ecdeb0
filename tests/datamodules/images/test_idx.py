"""What is refused before a reader trusts an IDX file."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from datamodules.images.idx import check_idx
from tests.idx_files import write_idx


@pytest.mark.parametrize("shape", [(5,), (5, 3, 2), (1, 28, 28)], ids=str)
def test_a_whole_file_tells_its_sizes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_idx(tmp_path / "file", np.zeros(shape))
    assert check_idx(tmp_path / "file", len(shape)) == shape


WHOLE = bytes((0, 0, 8, 1, 0, 0, 0, 5)) + b"labls"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "truncated: it has 0 bytes, its header alone takes 8", id="empty"),
        pytest.param(WHOLE[:3], "truncated: it has 3 bytes", id="cut-in-the-magic-number"),
        pytest.param(WHOLE[:6], "truncated: it has 6 bytes", id="cut-in-the-sizes"),
        pytest.param(WHOLE[:-1], "truncated: it has 12 bytes, its header promises 5 values in 13", id="cut-in-the-values"),
        pytest.param(WHOLE + b"!", "damaged: it has 14 bytes, its header promises 5 values in 13", id="too-long"),
        pytest.param(b"<html>not found</html>", "starts with 3c68746d, not 00000801", id="a-web-page"),
        pytest.param(b"\0\0\x0d\1" + WHOLE[4:], "starts with 00000d01, not 00000801", id="floats"),
        pytest.param(b"\0\0\x08\3" + WHOLE[4:], "starts with 00000803, not 00000801", id="three-dimensions"),
        pytest.param(bytes((0, 0, 8, 1, 0, 0, 0, 0)), "is empty: its header says 0 values", id="no-values"),
        pytest.param(gzip.compress(WHOLE), "still packed with gzip: unpack it", id="packed"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError) as refusal:
        check_idx(path, 1)
    message = str(refusal.value)
    assert message.startswith(str(path))
    assert says in message
    assert "delete it" in message or "unpack it" in message
    assert "\n" not in message


def test_a_size_beyond_any_file_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes((0, 0, 8, 3)) + b"\xff" * 12 + b"values")
    with pytest.raises(ValueError, match="truncated: it has 22 bytes"):
        check_idx(tmp_path / "file", 3)
