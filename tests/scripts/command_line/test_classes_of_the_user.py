"""Modules of the user's own that cannot be imported or made: one line that names them, and where they fail."""

import re
import sys
from pathlib import Path

import pytest
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import one_line

FILES = {
    "good_nets.py": """import sys
import torch
from torch import nn

class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        raise RuntimeError("no luck")

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(4, width)

class Sized(nn.Module):
    def __init__(self, width: int, depth: int, bias: bool = True):
        super().__init__()
        self.a = nn.Linear(4, width)

class TooEarly(nn.Module):
    def __init__(self):
        self.a = nn.Linear(4, 3)

class Exits(nn.Module):
    def __init__(self):
        sys.exit()

class NoModule:
    pass
""",
    "imports_nothing.py": "import no_such_thing_here\n",
    "raises.py": "raise ValueError('bad at import')\n",
    "syntax.py": "class Net(\n",
}
SAID = {
    "nowhere.Net": r"--model.module: there is no class nowhere.Net \(No module named 'nowhere'\)",
    "good_nets.Nett": r"--model.module: there is no class good_nets.Nett \(module 'good_nets' has no attribute 'Nett'\)",
    "good_nets.NoModule": r"--model.module: good_nets.NoModule is no Module",
    "imports_nothing.Net": r"--model.module: imports_nothing.Net cannot be imported: No module named 'no_such_thing_here'",
    "raises.Net": r"--model.module: raises.Net cannot be imported: bad at import",
    "syntax.Net": r"--model.*syntax.py, line 1",
    "good_nets.Fails": r"a class of yours cannot be made: RuntimeError: no luck \(good_nets.py, line 8\)",
    "good_nets.Needs": r"--model.module.width is missing: it has no default, and no type that null could belong to",
    "good_nets.Sized": r"--model.module.width and --model.module.depth are missing; --model.module.help=CLASS explains what",
    "good_nets.py": r"--model.module: .*good_nets.py is a file of Python: name the class in it by its package",
    "good_nets.TooEarly": r"good_nets.TooEarly cannot be made: its __init__ has to begin with super\(\).__init__\(\)",
    "good_nets.Exits": r"a class of yours cannot be made: SystemExit \(good_nets.py, line 26\)",
}


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("name", SAID)
def test_one_line_names_it_and_says_why(name: str, tmp_path: Path) -> None:
    given = tmp_path / name if name.endswith(".py") else name
    with pytest.raises(Exception) as found:
        FitCLI(["--data=IrisDataModule", "--model=TorchModel", f"--model.module={given}", "--model.optimizer=Newton"])
    said = one_line(found.value)
    assert re.search(SAID[name], said) and "\n" not in said, said
