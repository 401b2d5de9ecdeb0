"""From a module to the layers that it calls, by torch's own tracer of `forward`; the module itself is left as it is."""

from typing import Any

import torch
from torch import Tensor, fx, nn

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.graphs.arguments import Value, is_constant, kind_of_arguments
from lightning_modules.objectives.graphs.followed_lengths import followed_lengths
from lightning_modules.objectives.graphs.function_kinds import Rows
from lightning_modules.objectives.graphs.graph import Graph, Node, Slot
from lightning_modules.objectives.graphs.hooks import refuse_hooks
from lightning_modules.objectives.graphs.module_kinds import kind_of
from lightning_modules.objectives.graphs.sizes import Shape, Sizes, of_numbers
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.layers import Layer, RowFunction


def traced(module: nn.Module, rows: Tensor | None = None) -> Graph:
    """The graph of a module's layers.

    Args:
        module: one whose `forward` takes rows (n, …) and calls layers of known kinds.
        rows: some, for their shape; without them `forward` may not ask for sizes.

    Raises:
        UntraceableError: a layer is of no known kind, does not take each row by itself, or is used twice; `forward` depends on
            its data.
    """
    return _Builder(module, rows).graph()


class _Tracer(fx.Tracer):
    """Goes into modules down to those that are layers."""

    def __init__(self, layers: dict[str, Layer]) -> None:
        super().__init__(autowrap_functions=())
        self.layers = layers

    def create_node(self, kind: str, *args: Any, **kwargs: Any) -> fx.Node:
        if kind.startswith("call_") and not torch.is_grad_enabled():  # as they also are within an autograd.Function
            raise UntraceableError(
                f"a part of forward turns gradients off, or has a derivative of its own (torch.autograd.Function): {FALL_BACK}"
            )
        return super().create_node(kind, *args, **kwargs)

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        refuse_hooks(module, name)
        layer = kind_of(module, name)
        if layer is not None:
            self.layers[name] = layer
            return True
        if type(module).__module__.startswith("torch.nn") and not isinstance(module, (nn.Sequential, nn.ModuleList)):
            raise UntraceableError(f"{type(module).__name__} {name!r} is no layer with a curvature of its own: {FALL_BACK}")
        return False


class _Builder:
    """Turns what was traced into nodes."""

    def __init__(self, module: nn.Module, rows: Tensor | None) -> None:
        self.module, self.layers = module, dict[str, Layer]()
        self.slots, start = dict[int, Slot](), 0
        for name, parameter in module.named_parameters():
            self.slots[id(parameter)] = slot = Slot(name, start, tuple(parameter.shape))
            start = slot.stop
        self.nodes: list[Node] = []
        self.sizes = Sizes(self.nodes, rows)
        self.values: dict[fx.Node, Any] = {}
        self.users: dict[str, str] = {}
        self.stored: dict[int, int] = {0: 0}  # whose memory a value may share

    def graph(self) -> Graph:
        calls = self._calls()
        for call in calls.nodes:
            getattr(self, f"_{call.op}")(call)
        shape = tuple(self.sizes.rows.shape[1:]) if self.sizes.are_asked and self.sizes.rows is not None else None
        return Graph(type(self.module).__name__, tuple(self.nodes), tuple(self.slots.values()), shape)

    def _calls(self) -> fx.Graph:
        name = type(self.module).__name__
        refuse_hooks(self.module, name)
        layer = kind_of(self.module, name)
        if layer is not None:  # a single layer
            self.layers["module"] = layer
            outer = nn.Sequential()
            outer.add_module("module", self.module)
            self.module = outer
        tracer = _Tracer(self.layers)
        try:
            with recording(), followed_lengths(self.module):
                calls = tracer.trace(self.module)
        except UntraceableError:
            raise
        except fx.proxy.TraceError as error:
            raise UntraceableError(
                f"the forward of {name} depends on its data ({_first_line(error)}), so it is not one row of layers: take the "
                f"branch out of forward; {FALL_BACK}"
            ) from error
        except Exception as error:  # what fails on proxies is no sequence of layers either
            raise UntraceableError(
                f"the forward of {name} cannot be followed layer by layer ({_first_line(error)}): {FALL_BACK}"
            ) from error
        return calls

    # -- one kind of call each -----------------------------------------------------------------------------------------

    def _placeholder(self, call: fx.Node) -> None:
        if self.values:
            if call.args:  # its default
                self.values[call] = call.args[0]
                return
            raise UntraceableError(
                f"the forward of {type(self.module).__name__} takes more than the features, {call.target!r} too: give one "
                f"input; {FALL_BACK}"
            )
        self.values[call] = Value(0)

    def _get_attr(self, call: fx.Node) -> None:
        found: Any = self.module
        for part in str(call.target).split("."):
            found = getattr(found, part)
        self.values[call] = found

    def _call_module(self, call: fx.Node) -> None:
        name = str(call.target)
        module, layer = self.module.get_submodule(name), self.layers[name]
        inputs = [self._given(each) for each in (*call.args, *call.kwargs.values())]
        if not all(isinstance(each, Value) for each in inputs):
            raise UntraceableError(
                f"{type(module).__name__} {name!r} takes something else than values of the network: {FALL_BACK}"
            )
        weights = [getattr(module, each) for each in layer.parameters]
        shares = type(module) in (nn.Identity, nn.Flatten, nn.Unflatten)
        self._add(call, name, layer, inputs, weights, bool(getattr(module, "inplace", False)), shares)

    def _call_function(self, call: fx.Node) -> None:
        self._call(call, call.target, getattr(call.target, "__name__", str(call.target)))

    def _call_method(self, call: fx.Node) -> None:
        self._call(call, getattr(Tensor, str(call.target)), str(call.target))

    def _call(self, call: fx.Node, function: Any, name: str) -> None:
        args = [self._given(each) for each in call.args]
        kwargs = {key: self._given(each) for key, each in call.kwargs.items()}
        asked = self.sizes.asked(name, args)
        if asked is not None:
            self.values[call] = asked
            return
        if name in ("long", "int") and len(args) == 1 and isinstance(args[0], Value) and args[0].index == 0:
            self._add(call, name, RowFunction(function), args, [], False, False)  # features that are looked up
            return
        is_beside = not any(isinstance(each, (Value, Shape, nn.Parameter)) for each in args)
        if of_numbers(args) or (is_beside and any(map(is_constant, args))):
            self.values[call] = function(*args, **kwargs)  # of sizes a size, of constants a constant
            return
        if any(isinstance(each, Shape) for each in args):
            raise UntraceableError(f"the forward of {type(self.module).__name__} asks for the size of rows: {FALL_BACK}")
        if "input" in kwargs and not args:
            args = [kwargs.pop("input")]
        layer, inputs, weights = kind_of_arguments(name, function, args, kwargs)
        if layer is None:
            what = "is not known to take each row by itself"
            if not any(isinstance(self.values[node], Value) for node in call.all_input_nodes):
                counts = any(isinstance(each, Rows) for each in args)
                what = (
                    "computes with the number of rows" if counts else "computes a weight from others, which is no layer's own"
                )
            raise UntraceableError(f"{name}() in the forward of {type(self.module).__name__} {what}: {FALL_BACK}")
        in_place = bool(kwargs.get("inplace")) or name in IN_PLACE or (name.endswith("_") and not name.startswith("_"))
        self._add(call, call.name, layer, inputs, weights, in_place, name in SHARING)

    def _output(self, call: fx.Node) -> None:
        found = self._given(call.args[0])
        if not isinstance(found, Value) or found.index != len(self.nodes) or not self.nodes:
            raise UntraceableError(
                f"the forward of {type(self.module).__name__} returns something else than the output of its last layer: "
                f"return one tensor; {FALL_BACK}"
            )

    # -- what all have in common ---------------------------------------------------------------------------------------

    def _given(self, argument: Any) -> Any:
        """What an argument of a call stands for."""
        return fx.node.map_arg(argument, lambda node: self.values[node]) if _holds_nodes(argument) else argument

    def _add(
        self,
        call: fx.Node,
        name: str,
        layer: Layer,
        inputs: list["Value"],
        weights: list[nn.Parameter],
        in_place: bool,
        shares_memory: bool,
    ) -> None:
        if in_place:
            self._refuse_overwritten(call, name)
        for parameter in weights:
            slot = self.slots.get(id(parameter))
            if slot is None:
                raise UntraceableError(f"a weight of {name!r} is no parameter of the module: register it, or {FALL_BACK}")
            if slot.name in self.users:
                raise UntraceableError(
                    f"{slot.name!r} is used in two places, by {self.users[slot.name]!r} and {name!r}: its diagonal has terms "
                    f"between both; give each place a layer of its own; {FALL_BACK}"
                )
            self.users[slot.name] = name
        slots = tuple(self.slots[id(parameter)] for parameter in weights)
        self.nodes.append(Node(name, layer, tuple(each.index for each in inputs), slots))
        value = Value(len(self.nodes))
        self.values[call] = value
        self.stored[value.index] = self.stored[inputs[0].index] if shares_memory or in_place else value.index

    def _refuse_overwritten(self, call: fx.Node, name: str) -> None:
        """What is done in place is done beside it here, which is the same unless somebody reads the place afterwards."""
        source = next(node for node in call.all_input_nodes if isinstance(self.values[node], Value))
        memory = self.stored[self.values[source].index]
        later, seen = [], False
        for other in call.graph.nodes:
            seen = seen or other is call
            if seen and other is not call:
                later += [
                    node for node in other.all_input_nodes if isinstance(self.values.get(node), Value) and node is not call
                ]
        if any(self.stored[self.values[node].index] == memory for node in later):
            raise UntraceableError(
                f"{name!r} works in place, and what it overwrites is read again later in forward: make it with inplace=False"
            )


IN_PLACE = ("iadd", "isub", "imul", "itruediv")
SHARING = ("flatten", "view", "reshape", "unsqueeze", "squeeze", "transpose", "permute", "getitem", "unflatten")


def _holds_nodes(argument: Any) -> bool:
    found: list[fx.Node] = []
    fx.node.map_arg(argument, found.append)
    return bool(found)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
