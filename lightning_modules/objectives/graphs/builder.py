"""From the calls of a `forward`, one after another, to the nodes of a graph.

A call of a known kind is a layer with closed forms, any other one by automatic differentiation, if a trial finds that it takes
each row by itself (`trial.py`). What gives no rows, such as a part of a parameter, is computed where a layer takes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from torch import Tensor, fx, nn

from lightning_modules.objectives.graphs.any_call import expression_of, is_in_place, unknown
from lightning_modules.objectives.graphs.arguments import Call, kind_of_arguments
from lightning_modules.objectives.graphs.assembly import Assembly
from lightning_modules.objectives.graphs.expression import Expression, is_open, replaced
from lightning_modules.objectives.graphs.graph import Graph
from lightning_modules.objectives.graphs.overwritten import Memory
from lightning_modules.objectives.graphs.own_weights import same_weight
from lightning_modules.objectives.graphs.sizes import Sizes
from lightning_modules.objectives.graphs.trial import layer_of
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.objectives.graphs.value import ROWS, Value
from lightning_modules.objectives.layers import Layer
from lightning_modules.objectives.weight_norm import differentiable
from lightning_modules.their_line import first_line

CONSTANT = "constant "
# Whose output is the memory of its input.
SHARING = (
    "flatten",
    "view",
    "reshape",
    "unsqueeze",
    "squeeze",
    "transpose",
    "permute",
    "getitem",
    "unflatten",
    "contiguous",
    "dropout",
)
SHARING_LAYERS = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


class Builder:
    """Turns what was traced into nodes, as it comes.

    Args:
        module: whose parameters the graph takes.
        root: what is followed: the module, or something around it.
        rows: as `traced` takes them.

    Attributes:
        layers: the modules that are layers, by name, which the tracer fills.
        is_building: whether what modules are asked now is asked by the builder, not by `forward`.
    """

    def __init__(self, module: nn.Module, root: nn.Module, rows: Tensor | None) -> None:
        self.name, self.root, self.layers = type(module).__name__, root, dict[str, Layer]()
        self.assembly = Assembly(module)
        self.sizes = Sizes(self.assembly.nodes, rows)
        self.values: dict[fx.Node, Any] = {}
        self.memory = Memory(self.values)
        self.constants: dict[str, Tensor] = {}
        self.is_building = False

    # -- what the tracer asks ------------------------------------------------------------------------------------------

    def keep(self, constant: Tensor) -> str:
        """A name for a tensor that `forward` has from elsewhere."""
        name = f"{CONSTANT}{len(self.constants)}"
        self.constants[name] = constant
        return name

    def asked(self, call: fx.Node, question: Callable[[Any], Any]) -> Any:
        """What a question about what a call gave is answered with."""
        self._follow(call.graph)
        with self._building():
            return question(self.values[call])

    def graph(self, calls: fx.Graph) -> Graph:
        """All calls were made.

        Raises:
            UntraceableError: what `forward` returns is no value, or something in place was read again.
        """
        self._follow(calls)
        self.memory.refuse_overwritten(calls)
        shape = tuple(self.sizes.rows.shape[1:]) if self.sizes.are_asked and self.sizes.rows is not None else None
        return Graph(self.name, tuple(self.assembly.nodes), tuple(self.assembly.slots.values()), shape)

    def _follow(self, calls: fx.Graph) -> None:
        with self._building():
            for call in list(calls.nodes)[len(self.values) :]:
                getattr(self, f"_{call.op}")(call)

    @contextmanager
    def _building(self) -> Iterator[None]:
        before, self.is_building = self.is_building, True
        try:
            yield
        finally:
            self.is_building = before

    # -- one kind of call each -----------------------------------------------------------------------------------------

    def _placeholder(self, call: fx.Node) -> None:
        if self.values:
            if call.args:  # its default
                self.values[call] = call.args[0]
                return
            raise UntraceableError(
                f"the forward of {self.name} takes more than the features, {call.target!r} too: give one input; {FALL_BACK}"
            )
        self.values[call] = Value(0)

    def _get_attr(self, call: fx.Node) -> None:
        if call.target in self.constants:
            self.values[call] = self.constants[str(call.target)]
            return
        self.values[call] = attrgetter(str(call.target))(self.root)

    def _call_module(self, call: fx.Node) -> None:
        name = str(call.target)
        module, layer = self.root.get_submodule(name), self.layers[name]
        inputs = [self._given(each) for each in (*call.args, *call.kwargs.values())]
        weights = [getattr(module, each) for each in layer.parameters]
        if all(isinstance(each, Value) for each in inputs):
            in_place = getattr(module, "inplace", False)
            self._add(call, name, Call(layer, inputs, weights), 0 if in_place or type(module) in SHARING_LAYERS else None)
            if in_place:
                self._overwrite(call)
            return

        def called(*tensors: Tensor) -> Tensor:
            return layer.forward(tensors[: len(weights)], *tensors[len(weights) :])

        self._take(call, Expression(type(module).__name__, called, [*weights, *inputs], {}), name)

    def _call_function(self, call: fx.Node) -> None:
        self._call(call, differentiable(call.target), getattr(call.target, "__name__", str(call.target)))

    def _call_method(self, call: fx.Node) -> None:
        self._call(call, getattr(Tensor, str(call.target)), str(call.target))

    def _call(self, call: fx.Node, function: Any, name: str) -> None:
        args = [self._given(each) for each in call.args]
        kwargs = {key: self._given(each) for key, each in call.kwargs.items()}
        if name == "size" and args[1:] == [0] and isinstance(args[0], Value):
            self.values[call] = ROWS
            return
        if not is_open((args, kwargs)):
            self.values[call] = function(*args, **kwargs)  # of constants a constant
            return
        weight = same_weight(name, args)
        if weight is not None:
            self.values[call] = weight
            return
        in_place = is_in_place(name, kwargs)
        if "input" in kwargs and not args:
            args = [kwargs.pop("input")]
        known = kind_of_arguments(name, function, args, kwargs)
        if known.layer is not None and self._fits(known):
            self._add(call, call.name, known, 0 if in_place or name in SHARING else None)
        else:
            self._take(call, expression_of(name, function, args, kwargs, self.name), call.name, known)
        if in_place:
            self._overwrite(call)

    def _output(self, call: fx.Node) -> None:
        found = self.values[call] = self._given(call.args[0])
        if isinstance(found, Expression):
            raise unknown(found, self.name)
        if not isinstance(found, Value) or found.index != len(self.assembly.nodes) or not self.assembly.nodes:
            raise UntraceableError(
                f"the forward of {self.name} returns something else than the output of its last layer: return one tensor; "
                f"{FALL_BACK}"
            )

    # -- what all have in common ---------------------------------------------------------------------------------------

    def _given(self, argument: Any) -> Any:
        """What an argument of a call stands for."""
        return replaced(argument, lambda part: self.values[part] if isinstance(part, fx.Node) else part)

    def _fits(self, known: Call) -> bool:
        """Whether rows of the known shape go through a layer as it is called."""
        if not self.sizes.are_known or known.layer is None:
            return True
        try:
            self.sizes.after(known.layer, [each.shape for each in known.weights], [each.index for each in known.inputs])
        except Exception:  # whatever its kind says of their shapes, the call itself may take them
            return False
        return True

    def _take(self, call: fx.Node, expression: Expression, name: str, known: Call | None = None) -> None:
        """Make a layer of an expression that gives rows, and keep any other for where a layer takes it.

        Args:
            call: that gives it.
            expression: what it computes.
            name: of the layer.
            known: of a kind that does not take rows of this shape, if it is of one.
        """
        self.values[call] = expression
        if not expression.values:
            return
        if not self.sizes.are_known:
            raise unknown(expression, self.name)
        self.sizes.use()
        inputs = [self.sizes.of(value.index) for value in expression.values]
        try:
            found = layer_of(expression, inputs, self.name)
        except UntraceableError:
            raise
        except Exception as error:
            if known is not None and known.layer is not None:  # which has the better words for it
                self._add(call, name, known, None)
                return
            what = f"{expression.name}() in the forward of {self.name}"
            raise UntraceableError(f"{what} fails on rows of numbers ({first_line(error)}): {FALL_BACK}") from error
        if found is not None:
            self._add(call, name, Call(found.layer, expression.values, expression.parameters), found.shares)

    def _add(self, call: fx.Node, name: str, made: Call, shares: int | None) -> None:
        self.values[call] = self.assembly.add(name, made)
        self.memory.add(self.values[call], None if shares is None else made.inputs[shares])

    def _overwrite(self, call: fx.Node) -> None:
        """A call works in place: from now on its input is what it gives."""
        source = self.memory.write(call)
        if source is not None:
            self.values[source] = self.values[call]
