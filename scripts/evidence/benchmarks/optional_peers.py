"""Peers that come with `pip install '.[bench]'`: whether they are here, and one line for each that is not."""

from collections.abc import Iterator
from importlib.util import find_spec

# What each is called, by the module that is imported.
NAMES = {
    "backpack": "BackPACK",
    "celer": "celer",
    "curvlinops": "curvlinops",
    "glum": "glum",
    "kornia": "kornia",
    "pytorch_optimizer": "pytorch_optimizer",
    "skglm": "skglm",
    "torch_levenberg_marquardt": "torch-levenberg-marquardt",
    "torchmin": "torchmin",
}


def has(module: str) -> bool:
    """Whether it is installed."""
    return find_spec(module) is not None


def missing(*modules: str) -> Iterator[str]:
    """A remark for each that is not installed, whose rows there are not."""
    for module in modules:
        if not has(module):
            yield f"{NAMES[module]} is not installed, so nothing is compared with it: pip install '.[bench]'"
