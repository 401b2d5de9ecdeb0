"""Names of columns and classes, which come from anywhere, in a figure and in TensorBoard's text: as they are, nothing else."""

import html
import re

MOST_SIGNS = 40


def in_figure(name: str) -> str:
    """For labels, ticks and legends: what matplotlib would read as a formula, or leave out, it draws; long ones are cut.

    Signs that no font has, such as control characters, are written as Python writes them.
    """
    half = MOST_SIGNS // 2
    short = name if len(name) <= MOST_SIGNS else f"{name[:half]}…{name[1 - half :]}"
    # A dollar with a backslash is a dollar, whatever stands around it. Legends leave out what begins with a stroke.
    text = _visible(short).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def in_markdown(text: str) -> str:
    """For TensorBoard's text tab, on one line: each sign that Markdown or HTML would read is escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~$-])", r"\\\1", html.escape(_visible(" ".join(text.split())), quote=False))


def _visible(text: str) -> str:
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
