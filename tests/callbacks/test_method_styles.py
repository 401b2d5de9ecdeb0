"""Colours and dashes of methods: fixed by name, and told apart by colour-blind people."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from comparing.comparison_file import COMPARISONS

from callbacks.method_styles import KNOWN, method_styles
from callbacks.okabe_ito import COLORS

# Machado et al. 2009: what is seen of linear red, green and blue without green-sensitive cones.
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 15


def seen(color: str) -> np.ndarray:
    """CIELAB."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(DEUTERANOPIA @ linear, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_colours_are_apart_under_deuteranopia() -> None:
    assert all(np.linalg.norm(seen(a) - seen(b)) > APART for a, b in combinations(COLORS, 2))
    assert np.linalg.norm(seen("#2ca02c") - seen("#d62728")) < APART, "negative control: matplotlib's green and red"


def test_a_known_method_looks_the_same_in_any_company() -> None:
    for name, style in KNOWN.items():
        assert method_styles([name])[name] == style
        assert method_styles(["a", name, "b", "Z"])[name] == style
    assert len({(style.color, style.dash) for style in KNOWN.values()}) == len(KNOWN)


def test_order_changes_nothing() -> None:
    labels = ["Adam", "mine", "yours", "Adam, default lr", "Newton, 200 epochs", "SGD in batches of 64"]
    styles = method_styles(labels)
    assert styles == method_styles(reversed(labels))
    assert styles["Adam, default lr"].color == styles["Adam"].color and styles["Adam"] == KNOWN["adam"]
    assert styles["SGD in batches of 64"] == KNOWN["sgd"] and styles["Newton, 200 epochs"] == KNOWN["newton"]


@pytest.mark.parametrize("path", sorted(COMPARISONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_two_methods_of_a_comparison_look_alike(path: Path) -> None:
    comparison = yaml.safe_load(path.read_text())
    styles = method_styles([*comparison["methods"], *comparison.get("peers", {})]).values()
    assert len({(style.color, style.dash) for style in styles}) == len(styles)
