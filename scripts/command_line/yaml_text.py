"""YAML as the command line reads it, to and fro."""

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

# Values that a text may stand for, with each alias counted as what it repeats: nine aliases of nine aliases of … make
# billions out of ten lines. The largest configuration here has a few hundred.
MOST_VALUES = 200_000
MOST_DEPTH = 100
# Repeats the entries of another mapping, and may do so for several.
MERGE = "<<"

_load = get_loader("yaml")


class RefusedYamlError(ValueError):
    """YAML that says something twice, or stands for far more than it holds."""


def from_yaml(text: str) -> Any:
    """What the command line's parser makes of a text: 2020-01-01 is a text, not a date, and 1e-3 is a number.

    Raises:
        yaml.YAMLError: it is not YAML.
        RefusedYamlError: a key stands twice, of which YAML would take the later in silence; or it is too large.
    """
    _check(text)
    return _load(text)


# The parser reads by it as well what is given to an option, and files that an option names.
set_loader("yaml", from_yaml, (yaml.YAMLError,))


def to_yaml(content: Any) -> str:
    """A text that is read as the same values: texts are in quotes, and infinity is a number, which JSON does not have."""
    return yaml.safe_dump(content, default_style='"', default_flow_style=True, width=float("inf"), sort_keys=False).strip()


def _check(text: str) -> None:
    """Look at the text's nodes before any value is made of them."""
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if root is not None:
            _size(root, {}, ())
    except RecursionError:
        raise RefusedYamlError(f"values lie in more than {MOST_DEPTH} others: such nesting is no configuration") from None


def _size(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """How many values a node stands for, each node looked at once."""
    if id(node) in above:
        raise RefusedYamlError(f"{_line(node)}: a value that contains itself, by an alias")
    if len(above) > MOST_DEPTH:
        raise RecursionError
    if id(node) not in sizes:
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node)
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        inner = parts if isinstance(node, yaml.CollectionNode) else []
        sizes[id(node)] = 1 + sum(_size(part, sizes, (*above, id(node))) for part in inner)
        if sizes[id(node)] > MOST_VALUES:
            raise RefusedYamlError(
                f"{_line(node)}: it stands for more than {MOST_VALUES} values, with what its aliases repeat: such a text is no "
                "configuration"
            )
    return sizes[id(node)]


def _refuse_twice(node: yaml.MappingNode) -> None:
    first: dict[Any, yaml.Node] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != MERGE:
            if key.value in first:
                lines = dict.fromkeys((_line(first[key.value]), _line(key)))
                raise RefusedYamlError(f"the key {key.value!r} stands twice ({' and '.join(lines)}): keep one of the two")
            first[key.value] = key


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"


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
