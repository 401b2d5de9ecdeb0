"""The page of options says what the table says."""

import pytest

from tests.trainer_options.page import PAGE, page, versions


def test_the_page_is_that_of_the_table() -> None:
    written = PAGE.read_text(encoding="utf-8")
    if f"with {versions()}." not in written:
        pytest.skip(f"the page is of other versions than {versions()}")
    assert written == page(), "write it anew: python -m tests.trainer_options.page"
