"""The file of a comparison: its data, model and methods, checked to be all there."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from command_line.base_config import read_config
from command_line.class_names import suggestion
from command_line.parse_reasons import EXTRAS

COMPARISONS = Path(__file__).parents[1] / "comparisons"


def comparison_titles() -> dict[str, str]:
    """Of those in `scripts/comparisons/`, by name."""
    return {file.stem: str(read_config(file)["title"]) for file in sorted(COMPARISONS.glob("*.yaml"))}


def comparison_names() -> str:
    """Those of `scripts/comparisons/`, for a message."""
    return ", ".join(sorted(file.stem for file in COMPARISONS.glob("*.yaml")))


def find_comparison(name: str) -> Path:
    """The file of that name in `scripts/comparisons/`, or at that path.

    Raises:
        FileNotFoundError: there is neither.
    """
    for path in (COMPARISONS / f"{name}.yaml", Path(name)):
        if path.is_file():
            return path
    near = suggestion(name, [file.stem for file in COMPARISONS.glob("*.yaml")])
    raise FileNotFoundError(f"there is no comparison {name!r}{near}: choose among {comparison_names()}, or name a YAML file")


def read_comparison(path: Path, data_dir: str | None) -> dict[str, Any]:
    """Its settings, with the data read from another folder if one is given.

    Raises:
        ValueError: something is missing, or there is nothing to judge the methods by.
    """
    comparison = read_config(path)
    missing = [key for key in ("title", "data", "model", "methods") if not comparison.get(key)]
    if comparison.get("seeds") and "select" not in comparison:
        missing.append("select")
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: compare it with scripts/comparisons/breast_cancer.yaml")
    for place, wanted in ((key, comparison[key]) for key in ("data", "model", "methods")):
        if not isinstance(wanted, dict):
            raise ValueError(f"{path}: {place} is {wanted!r}, and settings belong there, each as name: value")
    for label, method in comparison["methods"].items():
        if not isinstance(method, dict):
            raise ValueError(f"{path}: the method {label!r} is {method!r}, and settings belong there, each as name: value")
        refuse_missing_package(path, label, method)
    if comparison["data"].get("init_args", {}).get("test_fraction") == 0 and not comparison.get("folds"):
        raise ValueError(f"{path}: test_fraction=0 leaves no rows to compare the methods on: set it above 0, or leave it out")
    # YAML reads 2020 and no as something else than names.
    comparison["title"] = str(comparison["title"])
    comparison["methods"] = {str(label): method for label, method in comparison["methods"].items()}
    comparison["unit"] = str(comparison.get("unit", ""))
    if data_dir is not None:
        comparison["data"].setdefault("init_args", {})["data_dir"] = data_dir
    return comparison


def refuse_missing_package(path: Path, label: str, method: dict[str, Any]) -> None:
    """Refuse a method of a package that comes with an extra and is not there, before the others have run for minutes.

    Raises:
        ValueError: says what to install.
    """
    optimizer = method.get("optimizer")
    package = str(optimizer.get("class_path") if isinstance(optimizer, dict) else optimizer).partition(".")[0]
    if package in EXTRAS and find_spec(package) is None:
        raise ValueError(
            f"{path}: {label} is of {package}, which is not installed: pip install '.[{EXTRAS[package]}]', or leave the "
            "method out"
        )
