"""README.md and the pages in docs/: short, linked, and with nothing that is not there."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_examples import PAGES

LONGEST_README = 200
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def links(page: Path) -> list[tuple[str, str, str]]:
    """(whether a picture, text, target) of every link in a page, code left out."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return LINK.findall(text)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for _, text, target in links(page):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), f"[{text}]({target})"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_says_what_it_shows(page: Path) -> None:
    assert all(len(text) > 20 for is_picture, text, _ in links(page) if is_picture)


def test_every_page_is_linked_and_every_picture_shown() -> None:
    found = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for _, _, target in links(page)}
    shown = {path.resolve() for path in (*PAGES[1:], *(ROOT / "docs").glob("*.png"))}
    assert not shown - found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """Programs and folders of the project, as somebody would type them."""
    text = page.read_text(encoding="utf-8")
    for named in set(re.findall(r"\b(?:scripts|docs)/[\w/]+\.(?:py|yaml|json|md|png)", text)):
        assert (ROOT / named).exists(), named
