"""What a failed run prints."""

import pytest


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Its one line, with words of its own."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert printed.err.startswith("error: ")
    assert "unexpected" not in printed.err, printed.err  # the words for errors without a message of their own
    assert len(printed.err) < 700, "a line, not a page"
    return printed.err
