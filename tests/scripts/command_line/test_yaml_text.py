"""What a YAML text may say."""

import time
from pathlib import Path

import pytest
import yaml
from command_line.base_config import read_config
from command_line.one_line_errors import run
from command_line.yaml_text import RefusedYamlError, from_yaml, to_yaml
from fit import main

# Each line repeats the one above nine times: 9⁹ values.
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{above}'] * 9)}]\n" for above, name in zip("abcdefgh", "bcdefghi", strict=True)
)
IRIS = ["--data=IrisDataModule", "--model=SoftmaxRegression", "--trainer.logger=false"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", r"the key 'a' stands twice \(line 1 and line 3\)"),
        ("x: {y: [1, {z: 1, z: 2}]}", r"the key 'z' stands twice \(line 1\)"),
        (BOMB, "more than 200000 values"),
        ("a: &a {b: *a}", "contains itself"),
        ("[" * 300 + "]" * 300, "nesting"),
    ],
)
def test_refused(text: str, said: str) -> None:
    start = time.monotonic()
    with pytest.raises(RefusedYamlError, match=said):
        from_yaml(text)
    assert time.monotonic() - start < 5


def test_aliases_and_merges_are_fine() -> None:
    assert from_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]") == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": [{"x": 1}, {"x": 1}],
    }


def test_many_values_are_fine() -> None:
    names = [f"column {number}" for number in range(50_000)]
    assert from_yaml(to_yaml(names)) == names


def test_tags_of_python_make_nothing(tmp_path: Path) -> None:
    with pytest.raises(yaml.YAMLError):
        from_yaml(f"a: !!python/object/apply:os.mkdir ['{tmp_path}/made']")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [BOMB, "data: {class_path: IrisDataModule}\nmodel: 1\ndata: 2\n", "data: &a [*a]"])
def test_files_name_themselves(content: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match="hostile"):
        read_config(file)


@pytest.mark.parametrize("place", ["data", "model", "model.optimizer", "trainer.callbacks", "data.seed"])
@pytest.mark.parametrize("value", ["{class_path: Newton, class_path: Adam}", f"{{{','.join(BOMB.splitlines())}}}"])
def test_options_are_read_by_the_same(place: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    assert run(main, [*IRIS, f"--{place}={value}"])
    said = capsys.readouterr().err
    assert said.strip().count("\n") == 0 and ("stands twice" in said or "stands for more than" in said)
    assert time.monotonic() - start < 15, "of which some seconds are imports"
