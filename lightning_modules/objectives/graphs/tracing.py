"""From a module to the layers that it calls, by torch's own tracer of `forward`; the module itself is left as it is."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn.utils.parametrize import is_parametrized

from lightning_modules.objectives.differentiation import recording
from lightning_modules.objectives.graphs.builder import Builder
from lightning_modules.objectives.graphs.composed import composed
from lightning_modules.objectives.graphs.followed_lengths import followed_lengths
from lightning_modules.objectives.graphs.followed_sizes import followed_sizes
from lightning_modules.objectives.graphs.graph import Graph
from lightning_modules.objectives.graphs.hooks import refuse_hooks
from lightning_modules.objectives.graphs.module_kinds import kind_of
from lightning_modules.objectives.graphs.row_proxy import RowProxy, RowShape
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError
from lightning_modules.their_line import first_line


def traced(module: nn.Module, rows: Tensor | None = None) -> Graph:
    """The graph of a module's layers.

    Args:
        module: one whose `forward` takes rows (n, …) and calls functions of torch.
        rows: some, for their shape; without them `forward` may not ask for sizes, and may call layers of known kinds only.

    Raises:
        UntraceableError: a call does not take each row by itself, or a layer is used twice; `forward` depends on its data.
    """
    name = type(module).__name__
    refuse_hooks(module, name)
    root = module
    if kind_of(module, name) is not None or composed(module) is not None:  # a single layer
        root = nn.Sequential()
        root.add_module("module", module)
    builder = Builder(module, root, rows)
    tracer, before = _Tracer(builder), _chance()
    try:
        with recording(), followed_lengths(root), followed_sizes():
            graph = builder.graph(tracer.trace(root))
    except UntraceableError:
        raise
    except fx.proxy.TraceError as error:
        raise UntraceableError(
            f"the forward of {name} depends on its data ({first_line(error)}), so it is not one row of layers: take the "
            f"branch out of forward; {FALL_BACK}"
        ) from error
    except Exception as error:  # what fails on proxies is no sequence of layers either
        raise UntraceableError(
            f"the forward of {name} cannot be followed layer by layer ({first_line(error)}{_hint(error)}): {FALL_BACK}"
        ) from error
    if _chance() != before:
        raise UntraceableError(
            f"the forward of {name} draws random numbers, so the loss is another function at each evaluation and has no "
            "curvature: call its eval(), or use a method of torch.optim"
        )
    return graph


def _hint(error: Exception) -> str:
    """torch takes what stands for the number of rows within a tuple of sizes only."""
    is_of_sizes = isinstance(error, TypeError) and "positional argument" in str(error)
    return "; give sizes as one tuple, as in expand((len(x), -1))" if is_of_sizes else ""


def _chance() -> tuple[Any, ...]:
    """Where the generators of random numbers stand that a `forward` may draw from."""
    of_numpy = np.random.get_state(legacy=False)["state"]
    return random.getstate(), bytes(of_numpy["key"]), of_numpy["pos"], bytes(torch.get_rng_state().numpy())


class _Tracer(fx.Tracer):
    """Goes into modules down to those that are layers, and asks for the sizes of what it has met.

    Args:
        builder: of the graph.
    """

    def __init__(self, builder: Builder) -> None:
        super().__init__(autowrap_functions=())
        self.builder = builder

    def create_node(self, kind: str, *args: Any, **kwargs: Any) -> fx.Node:
        if kind.startswith("call_") and not torch.is_grad_enabled():  # as they also are within an autograd.Function
            raise UntraceableError(
                f"a part of forward turns gradients off, or has a derivative of its own (torch.autograd.Function): {FALL_BACK}"
            )
        return super().create_node(kind, *args, **kwargs)

    def create_arg(self, a: Any) -> Any:
        if type(a) is Tensor:  # torch would write it into the module
            return self.create_node("get_attr", self.builder.keep(a), (), {})
        return super().create_arg(tuple(a) if isinstance(a, RowShape) else a)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self.builder.is_building else super().getattr(attr, attr_val, parameter_proxy_cache)

    def proxy(self, node: fx.Node) -> RowProxy:
        return RowProxy(node, self)

    def iter(self, obj: fx.Proxy) -> Any:
        """What a call gives that gives several, one after another."""
        count = self.length_of(obj)
        proxy: Any = obj
        return super().iter(obj) if count is None else iter([proxy[index] for index in range(count)])

    def length_of(self, proxy: fx.Proxy) -> int | None:
        """How many a call gives that gives several; None of one that does not."""
        found: int | None = self.builder.asked(proxy.node, self.builder.sizes.length)
        return found

    def shape_of(self, proxy: RowProxy) -> Any:
        """(n, …) of a tensor, None of what is none."""
        features = self.proxy(next(iter(self.graph.nodes)))

        def rows() -> Any:
            return self.create_proxy("call_method", "size", (features, 0), {})

        return self.builder.asked(proxy.node, lambda found: self.builder.sizes.shape(found, rows))

    def dtype_of(self, proxy: RowProxy) -> torch.dtype | None:
        """Of a tensor, None of what is none."""
        found: torch.dtype | None = self.builder.asked(proxy.node, self.builder.sizes.dtype)
        return found

    def call_module(self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.builder.is_building:
            return forward(*args, **kwargs)
        made_of_layers = composed(m)
        if made_of_layers is None:
            return super().call_module(m, forward, args, kwargs)
        name = self.path_of_module(m)
        refuse_hooks(m, name)
        return made_of_layers(m, name, *args, **kwargs)

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        refuse_hooks(module, name)
        # Of a parametrisation the weights are computed from others: its layer is a call of these.
        if is_parametrized(module) or type(module).__module__.startswith("torch.nn.utils.parametriz"):
            return False
        layer = kind_of(module, name)
        if layer is not None:
            self.builder.layers[name] = layer
            return True
        if type(module).__module__.startswith("torch.nn") and not isinstance(module, (nn.Sequential, nn.ModuleList)):
            raise UntraceableError(f"{type(module).__name__} {name!r} is no layer with a curvature of its own: {FALL_BACK}")
        return False
