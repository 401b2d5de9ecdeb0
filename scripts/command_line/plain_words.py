"""Descriptions of classes and options as plain text: without signs of markup, names of our files, what is for Python."""

import re

# A file of this project, to which a description sends those who read the code: "(`damping.py`)", "(sampled_steps.py)".
OWN_FILE = re.compile(r"\s*\(`*[\w/]+\.py`*\)")
# Libraries say their own default, which here may be another; the option's is told beside it.
DEFAULT = re.compile(
    r"\s*\bDefaults?(?: is| to)?:? *(?:``[^`]*``|`[^`]*`|None|True|False)\.?(?=\s|$)"
    r"|\s*\(default: (?:\([^()]*\)|[^()])*\)\.?\s*$"
)
NOT_FOR_HERE = re.compile(
    r"\n\s*(?:Args|Arguments|Attributes|Raises|Warns|Examples?|Returns?|Notes?|Shapes?)(?:::? *\n|: *\n)|\n\.\. "
)


def plain(text: str) -> str:
    """Words without the signs of markup around them."""
    text = re.sub(r":\w+:`~?([^`<]*?)(?: ?<[^`]*>)?`", lambda m: m[1].rpartition(".")[2] or m[1], OWN_FILE.sub("", text))
    text = re.sub(r"`([^`<]+?)\s*<[^`]*>`_+", r"\1", text).replace("`", "")
    return re.sub(r"(?<![\w*])\*{1,2}(\w[^*\n]*?)\*{1,2}(?![\w*])", r"\1", text)


def of_option(text: str) -> str:
    """What is said of an option, but for its default and for notes on the code."""
    text = DEFAULT.sub("", re.split(r"\.\. \w+::", text)[0])
    return re.sub(r"\s+", " ", plain(text)).strip()


def paragraphs(text: str) -> list[str]:
    """What is said of a class up to its arguments: its paragraphs, and a line for each that begins with a stroke."""
    told = re.sub(r"\n *(?=[-*] )", "\n\n", NOT_FOR_HERE.split(text)[0])
    # A paragraph after its strokes goes on at the margin.
    return [re.sub(r"\s+", " ", plain(part)).strip() for part in re.split(r"\n\s*\n", told) if part.strip()]


def first_sentence(text: str) -> str:
    """What something is, in a line."""
    first = re.sub(r"\s+", " ", text.split("\n\n", maxsplit=1)[0])
    return re.split(r"(?<=[.:])\s", plain(first), maxsplit=1)[0].rstrip(".:")
