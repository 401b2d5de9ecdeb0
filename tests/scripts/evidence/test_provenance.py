"""Where numbers come from is recorded, and old numbers of which it was not are not given one."""

import subprocess
from pathlib import Path

import pytest
from evidence import provenance
from evidence.provenance import code_commit, git, measured, shortened

OLD = {"machine": "2 cores, torch 2.8"}
NEW = {**OLD, "date": "2025-02-01", "commit": "abc", "versions": {"python": "3.13", "torch": "2.8", "pytorch-lightning": "2.6"}}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "a.py").write_text("1")
    (tmp_path / "README.md").write_text("a table")
    git(tmp_path, "init", "--quiet")
    commit_all(tmp_path)
    return tmp_path


def commit_all(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--message=m")


def test_the_commit_is_that_of_the_code(repository: Path) -> None:
    first = code_commit(repository)
    assert git(repository, "rev-parse", "HEAD").startswith(first) and len(first) == 12
    (repository / "README.md").write_text("a table that a run has updated")
    assert code_commit(repository) == first, "the next section of the same run is of the same code"
    (repository / "scripts" / "a.py").write_text("2")
    assert code_commit(repository) == f"{first} with changes"
    commit_all(repository)
    assert code_commit(repository) not in (first, f"{first} with changes")
    (repository / "scripts" / "new.py").write_text("")
    assert code_commit(repository).endswith(" with changes"), "a file that is not in the commit is a change as well"


def test_outside_git_it_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_commit(repository / "scripts") == "unknown", "somebody else's repository"
    (repository / ".git").rename(repository / "elsewhere")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    assert code_commit(repository) == "unknown"

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert code_commit(repository) == "unknown"


def test_versions_are_of_what_is_installed() -> None:
    found = provenance.provenance(("scikit-learn", "no-such-library"))
    assert set(found["versions"]) == {"python", "torch", "pytorch-lightning", "scikit-learn"}
    assert set(found) == {"machine", "date", "commit", "versions"} and all(found.values())


def test_one_line_groups_what_was_measured_together() -> None:
    later = {**NEW, "versions": {**NEW["versions"], "scikit-learn": "1.7"}}
    assert measured({"S1": OLD, "S2": NEW, "S3": later, "S4": NEW, "S5": {**NEW, "commit": "def"}}) == (
        "S1 on 2 cores, torch 2.8, before commits were recorded; "
        "S2 … S4 on 2 cores, torch 2.8, 2025-02-01, commit abc (python 3.13, pytorch-lightning 2.6, scikit-learn 1.7); "
        "S5 on 2 cores, torch 2.8, 2025-02-01, commit def (python 3.13, pytorch-lightning 2.6)"
    )


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["S1", "S2", "S3", "S7", "S9", "S10"], "S1 … S3, S7, S9, S10"),
        (["S9", "S10", "S11"], "S9 … S11"),
        (["glm", "gpu", "memory"], "glm, gpu, memory"),
    ],
)
def test_numbers_in_a_row_are_shortened(names: list[str], text: str) -> None:
    assert shortened(names) == text
