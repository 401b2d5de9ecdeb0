"""The layers of a graph that is being made, and where their weights stand."""

from torch import nn

from lightning_modules.objectives.graphs.arguments import Call
from lightning_modules.objectives.graphs.graph import Node, Slot
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.graphs.value import Value


class Assembly:
    """Nodes, one after another.

    Args:
        module: whose parameters θ is laid out as.

    Attributes:
        slots: all parameters, by their id.
        nodes: the layers so far.
    """

    def __init__(self, module: nn.Module) -> None:
        self.slots, start = dict[int, Slot](), 0
        for name, parameter in module.named_parameters():
            self.slots[id(parameter)] = slot = Slot(name, start, tuple(parameter.shape))
            start = slot.stop
        self.nodes: list[Node] = []
        self._users: dict[str, str] = {}

    def add(self, name: str, made: Call) -> Value:
        """One more layer: what it gives.

        Args:
            name: of its module or of the call.
            made: the layer, and what it takes.

        Raises:
            UntraceableError: a weight is no parameter of the module, or used before.
        """
        assert made.layer is not None, "known or tried"
        for parameter in made.weights:
            slot = self.slots.get(id(parameter))
            if slot is None:
                raise UntraceableError(f"a weight of {name!r} is no parameter of the module: register it, or {FALL_BACK}")
            if slot.name in self._users:
                raise UntraceableError(
                    f"{slot.name!r} is used in two places, by {self._users[slot.name]!r} and {name!r}: its diagonal has terms "
                    f"between both; give each place a layer of its own; {FALL_BACK}"
                )
            self._users[slot.name] = name
        slots = tuple(self.slots[id(parameter)] for parameter in made.weights)
        self.nodes.append(Node(name, made.layer, tuple(each.index for each in made.inputs), slots))
        return Value(len(self.nodes))
