"""A tensor on a device that works on its own, as far as the host can tell: its numbers are an ordinary tensor's.

torch's rules for CUDA hold here: operands lie in one place, but for single numbers; indices may be on the CPU, and are copied;
a generator belongs to its device. What the host would wait for, and what would be copied, is counted.

A simulation shows neither time, nor streams, nor the rounding of a GPU's libraries, nor its memory. Kernels are torch's
operations: one that launches several of its own counts once.
"""

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from tests.simulated_device.counts import copied, launched, moved, waited

NAME = "simulated"
aten = torch.ops.aten
# Operations that hand a number, or a shape that depends on numbers, to the host; and those that check whether they worked.
WAITING = {
    aten._local_scalar_dense,
    aten.equal,
    aten.nonzero,
    aten.masked_select,
    aten._unique2,
    aten.unique_dim,
    aten.unique_consecutive,
    aten.bincount,
    aten.histc,
    aten.repeat_interleave,
    aten._linalg_check_errors,
    aten._linalg_eigh,
    aten._linalg_svd,
    aten._linalg_det,
    aten._linalg_slogdet,
    aten.linalg_eig,
    aten.linalg_lstsq,
}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index, aten._unsafe_index_put}
# They look at memory, or get some, and compute nothing.
WITHOUT_KERNEL = {
    aten.empty,
    aten.empty_strided,
    aten.empty_like,
    aten.new_empty,
    aten.new_empty_strided,
    aten._unsafe_view,
    aten._reshape_alias,
    aten.lift_fresh,
    aten.set_,
    aten.resize_,
    aten._local_scalar_dense,
    aten._has_compatible_shallow_copy_type,
}


class OnDevice(Tensor):
    """Wraps a tensor on the CPU.

    Attributes:
        raw: its numbers.
    """

    raw: Tensor

    @staticmethod
    def __new__(cls, raw: Tensor) -> "OnDevice":
        wrapper: OnDevice = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, raw.shape, strides=raw.stride(), storage_offset=raw.storage_offset(), dtype=raw.dtype, device=DEVICE
        )
        wrapper.raw = raw
        return wrapper

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __repr__(self, **_: object) -> str:  # type: ignore[override]
        return f"OnDevice({self.raw})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) not in memo:
            copy: Tensor = self.detach().clone()
            memo[id(self)] = torch.nn.Parameter(copy) if isinstance(self, torch.nn.Parameter) else copy
        return cast(Tensor, memo[id(self)])

    def __reduce_ex__(self, protocol: Any) -> Any:
        waited("a file")
        return self.raw.detach().__reduce_ex__(protocol)

    def data_ptr(self) -> int:
        return self.raw.data_ptr()

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        return self.detach()

    @data.setter
    def data(self, other: "OnDevice") -> None:
        self.raw = other.raw  # how a module's parameters move from one memory to another

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation of which some operands, or the result, are on the device."""
    packet, here = func.overloadpacket, [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    target = None if kwargs.get("device") is None else torch.device(kwargs["device"])
    if packet in (aten._to_copy, aten.copy_):
        stays = _copies(packet, here, target, bool(kwargs.get("non_blocking") or (len(args) > 2 and args[2])))
    else:
        _check_operands(func, packet, args, kwargs, here)
        stays = target.type == NAME if target is not None else any(isinstance(tensor, OnDevice) for tensor in here)
        if packet in WAITING or _is_masked(packet, args):
            waited(str(packet))
        if packet not in WITHOUT_KERNEL and not func.is_view:
            launched(str(packet))
    if target is not None:
        kwargs = {**kwargs, "device": "cpu"}
    if packet is aten._efficientzerotensor:  # of forward mode: it has no memory, which only torch's own devices can do
        return OnDevice(torch.zeros(*args, dtype=kwargs.get("dtype")))
    result = func(*tree_map(_raw, args), **tree_map(_raw, kwargs))
    if not func._schema.returns:
        return None
    if func._schema.returns[0].alias_info is not None and func._schema.returns[0].alias_info.is_write:  # in place
        written = kwargs.get("out", args[0] if args else None)
        if isinstance(written, OnDevice) and written.shape != written.raw.shape:
            raise NotImplementedError(
                f"{func} changed the shape of a tensor in place: give it a kernel below, as `eye` has one"
            )
        return written
    return tree_map(lambda leaf: OnDevice(leaf) if isinstance(leaf, Tensor) and stays else leaf, result)


def _raw(leaf: Any) -> Any:
    return leaf.raw if isinstance(leaf, OnDevice) else leaf


def _copies(packet: Any, here: list[Tensor], target: torch.device | None, is_async: bool) -> bool:
    """Counts a copy; whether its result is on the device."""
    if packet is aten.copy_:
        goal, source = here[0].device.type, here[1]
    else:
        goal, source = here[0].device.type if target is None else target.type, here[0]
    if goal == source.device.type:
        launched(str(packet))
    else:
        moved(source.numel() * source.element_size())
        # `to("cpu", non_blocking=True)` makes itself memory that the device writes to alone; ordinary memory it does not know.
        if source.device.type == NAME:
            if not (is_async and packet is aten._to_copy):
                waited(f"{packet} to the host")
        elif not is_async:
            copied(str(packet))
    return goal == NAME


def _check_operands(func: Any, packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any], here: list[Tensor]) -> None:
    if packet in INDEXING:
        if not isinstance(args[0], OnDevice):
            raise RuntimeError(f"indices should be on the CPU as the indexed tensor is, in {func}")
        for index in args[1]:
            if index is not None and not isinstance(index, OnDevice):
                copied(f"indices of {packet}")
                moved(index.numel() * index.element_size())
        here = [args[0], *here[len(here) :]]
    for tensor in here:
        if not isinstance(tensor, OnDevice) and tensor.dim() > 0:
            raise RuntimeError(
                f"expected all tensors to be on the same device, but found {DEVICE} and {tensor.device}, in {func}"
            )
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type != NAME:
        raise RuntimeError(f"expected a generator of {DEVICE} but found one of {generator.device}, in {func}")


def _is_masked(packet: Any, args: tuple[Any, ...]) -> bool:
    """By a mask, how many numbers there are is known to the device alone; a single one goes to all of them uncounted."""
    if packet not in INDEXING or not any(index is not None and index.dtype == torch.bool for index in args[1]):
        return False
    is_filled = packet not in (aten.index, aten._unsafe_index) and args[2].numel() == 1 and not (len(args) > 3 and args[3])
    return not is_filled


_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)
# Mixed precision can be left there, as anywhere.
torch.get_device_module(NAME).get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]
_everything = torch.library.Library("_", "IMPL")
_everything.fallback(lambda func, *args, **kwargs: run(func, args, kwargs), "PrivateUse1")
# Kernels of their own: where torch leaves Python's way out (`torch.tensor(…, device=…)`), and where it would give an empty
# tensor the shape that it needs.
_kernels = torch.library.Library("aten", "IMPL")
_kernels.impl(
    "copy_", lambda self, src, non_blocking=False: run(aten.copy_.default, (self, src, non_blocking), {}), "PrivateUse1"
)
for _factory in (
    aten.eye.default,
    aten.eye.m,
    aten.arange.default,
    aten.arange.start,
    aten.arange.start_step,
    aten.linspace.default,
    aten.randperm.default,
    aten.randperm.generator,
):
    _kernels.impl(_factory._name, partial(lambda factory, *args, **kwargs: run(factory, args, kwargs), _factory), "PrivateUse1")
