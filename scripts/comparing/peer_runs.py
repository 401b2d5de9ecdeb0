"""The peers that a comparison's file names."""

from typing import Any

from command_line.class_names import CLASSES
from command_line.one_line_errors import CommandLineError
from command_line.one_line_parser import OneLineParser

from comparing import peers

# What a misspelt peer is answered with.
CLASSES["peer"] = lambda: [name for name in peers.__all__ if name != "Peer"]


def read_peers(comparison: dict[str, Any]) -> dict[str, peers.Peer]:
    """Peers by label, from `class_path` and `init_args` of each.

    Raises:
        CommandLineError: an unknown peer, a missing or wrong setting, a label that a method has.
    """
    specs = comparison.get("peers") or {}
    if not isinstance(specs, dict):
        raise CommandLineError(f"peers is {specs!r}: it maps labels to a class_path and its init_args")
    named = {}
    for label, spec in specs.items():
        if label in comparison["methods"]:
            raise CommandLineError(f"peer {label!r} is named like a method: give it a label of its own")
        parser = OneLineParser()
        parser.add_subclass_arguments(peers.Peer, "peer", required=True)
        try:
            named[label] = parser.instantiate_classes(parser.parse_object({"peer": spec})).peer
        except CommandLineError as error:
            raise CommandLineError(str(error).replace("--peer", f"peer {label!r}")) from error
    return named
