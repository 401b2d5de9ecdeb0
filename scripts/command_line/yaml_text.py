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
