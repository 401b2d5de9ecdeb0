"""What every script's command line can do."""

from importlib.metadata import version
from types import ModuleType

import benchmark
import compare
import export
import fit
import predict
import pytest


@pytest.mark.parametrize("script", [fit, compare, benchmark, predict, export], ids=lambda script: script.__name__)
def test_version(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        script.main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out.endswith(f" lightning-newton {version('lightning-newton')}\n")
