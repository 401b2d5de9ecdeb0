"""What a package exports, read as text: to import it would take seconds."""

import ast
from importlib.util import find_spec
from pathlib import Path


def exported(package: str) -> list[str]:
    """The names in `__all__` of a package: "torch.optim".

    Raises:
        ValueError: its file has none as a literal list.
    """
    file = folder_of(package) / "__init__.py"
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise ValueError(f"{file} has no __all__")


def folder_of(package: str) -> Path:
    """Where a package lies; only the outermost one is looked for, since to look within it would import it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    top, *within = package.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{top} is not installed")
    return Path(spec.origin).parent.joinpath(*within)
