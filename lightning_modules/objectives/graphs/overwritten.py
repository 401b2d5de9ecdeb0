"""What is done in place is done beside it here and read instead, the same unless somebody keeps a view of the place."""

from collections.abc import Mapping
from typing import Any

from torch import fx

from lightning_modules.objectives.graphs.expression import Expression
from lightning_modules.objectives.graphs.untraceable import UntraceableError
from lightning_modules.objectives.graphs.value import Value


class Memory:
    """Which values have the same memory, and which calls write into it.

    Args:
        values: what calls have given so far; they become more.
    """

    def __init__(self, values: Mapping[fx.Node, Any]) -> None:
        self._values = values
        self._places: dict[int, int] = {0: 0}
        self._written: list[tuple[fx.Node, fx.Node, set[int]]] = []

    def add(self, value: Value, source: Value | None) -> None:
        """One more value, in the memory of another if there is a source."""
        self._places[value.index] = value.index if source is None else self._places[source.index]

    def write(self, call: fx.Node) -> fx.Node | None:
        """A call works in place: where; None if on nothing of the network."""
        source = next((each for each in call.all_input_nodes if self._of(each)), None)
        if source is not None:
            self._written.append((call, source, self._of(source)))
        return source

    def refuse_overwritten(self, calls: fx.Graph) -> None:
        """Refuse calls in place where a view of what they overwrite, made before, is read again.

        Raises:
            UntraceableError: there is one.
        """
        order = {call: place for place, call in enumerate(calls.nodes)}
        for call, source, places in self._written:
            later = [other for other in calls.nodes if order[other] > order[call]]
            read = {each for other in later for each in other.all_input_nodes if order[each] < order[call]} - {source}
            if any(self._of(each) & places for each in read):
                raise UntraceableError(
                    f"{call.name if call.op != 'call_module' else call.target!r} works in place, and another view of what it "
                    "overwrites is read again later in forward: let it work beside it (inplace=False, or clone() before)"
                )

    def _of(self, call: fx.Node) -> set[int]:
        """Whose memory something may share."""
        found = self._values[call]
        values = found.values if isinstance(found, Expression) else [found] if isinstance(found, Value) else []
        return {self._places[value.index] for value in values}
