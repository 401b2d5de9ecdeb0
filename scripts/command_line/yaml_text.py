"""YAML as the command line reads it, to and fro."""

from typing import Any

import yaml
from jsonargparse import get_loader


def from_yaml(text: str) -> Any:
    """What the command line's parser makes of a text: 2020-01-01 is a text, not a date, and 1e-3 is a number.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return get_loader("yaml")(text)


def to_yaml(content: Any) -> str:
    """A text that is read as the same values: texts are in quotes, and infinity is a number, which JSON does not have."""
    return yaml.safe_dump(content, default_style='"', default_flow_style=True, width=float("inf"), sort_keys=False).strip()


class _Dumper(yaml.SafeDumper):
    """Quotes each text that the command line would read as something else: 1e5 is a text to PyYAML, and a number to it."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    try:
        is_misread = from_yaml(text) != text
    except Exception:  # of a name such as {0}, which the dumper quotes by itself
        is_misread = True
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if is_misread and "\n" not in text else None)


_Dumper.add_representer(str, _text)


def to_yaml_page(content: Any) -> str:
    """A page from which `from_yaml` reads the same values."""
    return yaml.dump(content, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
