"""Who may import whom."""

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("lightning_modules", "datamodules", "callbacks", "scripts")
# scripts/ is a folder of programs on the path: its packages and programs are imported by their own names.
SCRIPTS = ROOT / "scripts"
PROGRAMS = {path.stem for path in SCRIPTS.glob("*.py")}
OWN = {*PACKAGES, *PROGRAMS, *(path.parent.name for path in SCRIPTS.glob("*/__init__.py"))}
LIBRARY = ("lightning_modules", "datamodules", "callbacks")
COMPARING = (*LIBRARY, "command_line", "comparing")
PAGES_OF_EVIDENCE = ("evidence.provenance", "evidence.page_tables", "evidence.titles")
TORCH_ONLY = tuple(
    f"lightning_modules/{name}" for name in ("devices", "solvers", "objectives", "optimizers", "networks", "lasso")
)
# What an objective is, without any closed form: every file of the folder itself but its face.
CORE = (
    *(f"lightning_modules.objectives.{path.stem}" for path in (ROOT / "lightning_modules/objectives").glob("[a-z]*.py")),
    "lightning_modules.objectives.families",
    "lightning_modules.solvers",
    "lightning_modules.devices",
)
TORCH_ONLY_FACES = ("lightning_modules.objectives", "lightning_modules.solvers", "lightning_modules.devices")
# What callbacks at the top and in folders both use: they import nothing of the project themselves.
SHARED_BY_CALLBACKS = tuple(
    f"callbacks.{name}" for name in ("measured_model", "frozen", "drawn_figure", "names_as_text", "plain_batches", "shown_work")
)
COLUMNS = ("datamodules.messages", "datamodules.columns")
# A file is looked at before anything heavy is imported: what is wrong with it is said at once.
LIGHT = (
    *(f"datamodules/{name}" for name in ("messages", "columns", "files")),
    *(f"scripts/command_line/{name}.py" for name in ("base_config", "first_look", "one_line_errors", "one_line_parser")),
    "scripts/predicting/checked_files.py",
)
# What the files below a folder may import of the project, the most special folder first.
ALLOWED = {
    "lightning_modules/devices": ("lightning_modules.devices",),
    "lightning_modules/solvers": ("lightning_modules.solvers", "lightning_modules.devices"),
    "lightning_modules/networks": ("lightning_modules.networks",),
    "lightning_modules/objectives/families": (
        "lightning_modules.objectives.families",
        "lightning_modules.devices",
        "lightning_modules.objectives.mapped_pages",  # targets too may be more than memory holds
        "lightning_modules.objectives.double_double",
    ),
    "lightning_modules/objectives/linear": (*CORE, "lightning_modules.objectives.linear"),
    "lightning_modules/objectives/layers": (*CORE, "lightning_modules.objectives.layers", "lightning_modules.networks"),
    "lightning_modules/objectives/graphs": (
        *(*CORE, "lightning_modules.objectives.layers", "lightning_modules.objectives.graphs"),
        "lightning_modules.networks",
    ),
    "lightning_modules/objectives/layered": (*CORE, "lightning_modules.objectives.layered", "lightning_modules.networks"),
    "lightning_modules/objectives/__init__.py": TORCH_ONLY_FACES,
    "lightning_modules/objectives": CORE,
    "lightning_modules/optimizers": (*TORCH_ONLY_FACES, "lightning_modules.optimizers"),
    "lightning_modules/training": (*TORCH_ONLY_FACES, "lightning_modules.optimizers", "lightning_modules.training"),
    "lightning_modules/lasso": (
        *(*TORCH_ONLY_FACES, "lightning_modules.objectives.linear", "lightning_modules.objectives.families"),
        "lightning_modules.lasso",
    ),
    "lightning_modules/linear": (
        *(*TORCH_ONLY_FACES, "lightning_modules.optimizers", "lightning_modules.training"),
        *("lightning_modules.lasso", "lightning_modules.linear"),
    ),
    # Nothing of a trainer: the face of linear models is lazy, and what is told of their coefficients knows none.
    "lightning_modules/estimators": (
        *(*TORCH_ONLY_FACES, "lightning_modules.optimizers", "lightning_modules.estimators", "lightning_modules.lasso"),
        *(f"lightning_modules.linear.{name}" for name in ("coefficients", "count_dispersion", "covariance", "fit_statistics")),
    ),
    "lightning_modules": ("lightning_modules",),
    "datamodules/messages": ("datamodules.messages",),
    "datamodules/columns": ("datamodules.messages", "datamodules.columns"),
    "datamodules/files": (*COLUMNS, "datamodules.files"),
    "datamodules/serving": (*COLUMNS, "datamodules.serving"),
    "datamodules/tables": (*COLUMNS, "datamodules.files", "datamodules.serving", "datamodules.tables"),
    "datamodules/images": (*COLUMNS, "datamodules.serving", "datamodules.images"),
    "datamodules/mapped": (*COLUMNS, *(f"datamodules.{name}" for name in ("files", "serving", "tables", "mapped"))),
    "datamodules": ("datamodules",),
    "callbacks/resuming": ("callbacks.resuming",),
    "callbacks/features": ("callbacks.features", *SHARED_BY_CALLBACKS),
    "callbacks": ("callbacks",),
    "scripts/command_line": (*LIBRARY, "command_line"),
    "scripts/predicting": (*LIBRARY, "command_line", "predicting"),
    "scripts/comparing/peers": (*LIBRARY, "command_line", "comparing.peers", "comparing.run"),
    "scripts/comparing": COMPARING,
    "scripts/evidence/benchmarks": (*COMPARING, "evidence.benchmarks", *PAGES_OF_EVIDENCE),
    "scripts/evidence/systems": (*COMPARING, "evidence.systems", "evidence.benchmarks.two_view", *PAGES_OF_EVIDENCE),
    "scripts/evidence": ("command_line", *PAGES_OF_EVIDENCE),
    # What a user runs on data of their own needs no evidence.
    "scripts/fit.py": ("command_line",),
    "scripts/predict.py": (*LIBRARY, "command_line", "predicting"),
    "scripts/export.py": (*LIBRARY, "command_line", "predicting"),
    "scripts/compare.py": COMPARING,
    "scripts": (*COMPARING, "evidence"),
}
FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FACES = [path for path in FILES if path.name == "__init__.py"]
# A face that imports nothing before it is asked for has its imports in a stub beside it, and is this below its docstring.
LAZY = ["import lazy_loader", "__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)"]
STUBS = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.pyi"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            names.add(str(node.module))
    return names


def forbidden(folder: str, names: set[str]) -> set[str]:
    """Which of the imported names are the project's and not in the folder's row."""
    own = {name for name in names if name.split(".")[0] in OWN}
    if folder.startswith("lightning_modules"):
        own -= {"lightning_modules.counting", "lightning_modules.their_line"}  # words, which know nothing of the project
    return {name for name in own if not any(f"{name}.".startswith(f"{ok}.") for ok in ALLOWED[folder])}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_follow_the_table(path: Path) -> None:
    folder = next(folder for folder in ALLOWED if path.is_relative_to(folder))
    wrong = forbidden(folder, imported(path))
    assert not wrong, f"{folder} must not import {wrong}"
    if folder.startswith(TORCH_ONLY):
        assert not {
            name for name in imported(path) if name.split(".")[0] in ("pytorch_lightning", "lightning_fabric", "torchmetrics")
        }
    if str(path).startswith(LIGHT):
        heavy = ("torch", "sklearn", "pytorch_lightning", "lightning_fabric")
        assert not {name for name in imported(path) if name.split(".")[0] in heavy}


def beside_imports_and_all(text: str) -> list[str]:
    """Statements of a face that are none of what it may hold; a lazy one is taken as a whole."""
    body = ast.parse(text).body
    if [ast.unparse(node) for node in body[1:]] == LAZY:
        body = body[:1]
    return [
        ast.unparse(node)
        for node in body
        if not (
            (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
            or isinstance(node, ast.ImportFrom)
        )
    ]


@pytest.mark.parametrize("path", [*FACES, *STUBS], ids=str)
def test_faces_hold_imports_and_all_only(path: Path) -> None:
    assert beside_imports_and_all((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", STUBS, ids=str)
def test_a_stub_is_a_lazy_face_and_names_its_own_package_only(path: Path) -> None:
    assert LAZY[1] in (ROOT / path).with_suffix(".py").read_text(encoding="utf-8")
    imports = [node for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    assert imports and all(node.level == 1 for node in imports), "lazy_loader reads no others"
    names = [alias.name for node in imports for alias in node.names]
    assert sorted(names) == sorted(import_module(".".join(path.parts[:-1])).__all__)


def test_a_face_with_code_is_caught() -> None:
    """Negative control, of lazy faces as well."""
    lazy = "\n".join(['"""A face."""', *LAZY])
    assert beside_imports_and_all(lazy) == []
    assert beside_imports_and_all(f"{lazy}\nprint()") == [*LAZY, "print()"]
    assert beside_imports_and_all("from a import b\n__all__ = ['b']\nx = b()") == ["x = b()"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_hold_one_idea(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert ast.get_docstring(ast.parse(text)), "every file opens by saying what it holds"


def test_the_table_catches_a_wrong_import(tmp_path: Path) -> None:
    """Negative control: the parser sees what it must refuse."""
    (tmp_path / "wrong.py").write_text("import datamodules\nfrom callbacks.gradient_norms import GradientNorms\n")
    assert imported(tmp_path / "wrong.py") == {"datamodules", "callbacks.gradient_norms"}
    assert forbidden("callbacks", {"datamodules", "callbacks.gradient_norms", "torch"}) == {"datamodules"}
    assert forbidden("scripts/comparing", {"fit", "evidence.systems", "comparing.run"}) == {"fit", "evidence.systems"}
    assert forbidden("scripts/fit.py", {"command_line.fitting", "comparing"}) == {"comparing"}


def module_imports() -> dict[str, set[str]]:
    """For each module the modules of the project that it imports, for types only too, `from package import module` resolved."""
    names = {
        ROOT / path: ".".join((ROOT / path).relative_to(SCRIPTS if path.parts[0] == "scripts" else ROOT).with_suffix("").parts)
        for path in FILES
    }
    modules = {name.removesuffix(".__init__") for name in names.values()}
    graph: dict[str, set[str]] = {}
    for path, name in names.items():
        found = graph.setdefault(name.removesuffix(".__init__"), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found |= {
                    full if (full := f"{node.module}.{alias.name}") in modules else str(node.module) for alias in node.names
                }
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return {name: found & modules for name, found in graph.items()}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; empty if none do."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_of_imports() -> None:
    graph = module_imports()
    assert "lightning_modules.objectives.curvature" in graph["lightning_modules.objectives.objective"]
    assert "command_line.fitting" in graph["fit"] and "evidence.benchmarks.glm" in graph["evidence.benchmarks.sections"]
    assert circle(graph) == []
    graph["command_line.fitting"].add("fit")
    assert set(circle(graph)) == {"fit", "command_line.fitting"}, "negative control"
