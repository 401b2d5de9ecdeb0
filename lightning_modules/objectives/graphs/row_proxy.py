"""What stands for a tensor while torch's tracer follows a `forward`: with the sizes of its row, which are known numbers."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx

from lightning_modules.objectives.graphs.expression import replaced
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError


class RowShape(tuple[Any, ...]):
    """(n, …), of which n stays open.

    Args:
        sizes: n and the numbers.
        use: called when one of the numbers is asked for.
    """

    use: Callable[[], None]

    def __new__(cls, sizes: tuple[Any, ...], use: Callable[[], None]) -> "RowShape":
        made = super().__new__(cls, sizes)
        made.use = use
        return made

    def __getitem__(self, place: Any) -> Any:
        if place != 0:
            self.use()
        return super().__getitem__(place)

    def __iter__(self) -> Iterator[Any]:
        self.use()
        return super().__iter__()


class RowProxy(fx.Proxy):
    """A proxy of torch's tracer whose sizes are those of the rows that a graph is made for."""

    @classmethod
    def __torch_function__(cls, orig_method: Any, types: Any, args: Any = None, kwargs: Any = None) -> Any:
        # torch looks for proxies in plain tuples only, not in shapes.
        plain = replaced((args or (), kwargs or {}), lambda part: part)
        return super().__torch_function__(orig_method, types, *plain)

    @property
    def shape(self) -> Any:
        """(n, …), or what stands for it."""
        found = self.tracer.shape_of(self)  # type: ignore[attr-defined]
        return fx.proxy.Attribute(self, "shape") if found is None else found

    def size(self, dim: int | None = None) -> Any:
        """Of one dimension, or of all."""
        return self.shape if dim is None else self.shape[dim]

    @property
    def ndim(self) -> int:
        """With the rows."""
        return sum(1 for _ in self.shape)

    def dim(self) -> int:
        """With the rows."""
        return self.ndim

    ndimension = dim

    def is_floating_point(self) -> Any:
        """Whether it holds real numbers."""
        found = self.dtype
        return found.is_floating_point if isinstance(found, torch.dtype) else True

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """In another type; what is on another device follows the rows in any case."""
        kept = [each for each in args if not isinstance(each, (torch.device, str, int))]
        types = {"dtype": kwargs["dtype"]} if "dtype" in kwargs else {}
        return self.tracer.create_proxy("call_method", "to", (self, *kept), types) if kept or types else self

    def cpu(self) -> Any:
        """Itself."""
        return self

    def cuda(self, *_: Any) -> Any:
        """Itself."""
        return self

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(operator.iadd, other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place(operator.isub, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(operator.imul, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place(operator.itruediv, other)

    def _in_place(self, function: Callable[..., Any], other: Any) -> Any:
        """torch's tracer would make another tensor of it, and other names for this one would keep the old."""
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    def __len__(self) -> int:
        found = self.tracer.length_of(self)  # type: ignore[attr-defined]
        if found is None:
            raise TypeError("the number of rows is not known while forward is followed")
        return int(found)

    @property
    def dtype(self) -> Any:
        """Of which constants are made; they follow the rows to another."""
        found = self.tracer.dtype_of(self)  # type: ignore[attr-defined]
        return fx.proxy.Attribute(self, "dtype") if found is None else found

    @property
    def device(self) -> Any:
        """Where constants are made; they follow the rows from there."""
        return torch.get_default_device()


def open_shape(rows: Any) -> RowShape:
    """(n,) of rows that are not there yet: n is all that may be asked."""

    def refuse() -> None:
        raise UntraceableError(f"forward asks for the size of rows, which are not there yet: {FALL_BACK}")

    return RowShape((rows,), refuse)
