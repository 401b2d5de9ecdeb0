"""Several processes with a simulated device each: NCCL's rules, kept over gloo.

NCCL takes tensors that lie on the device and are contiguous, all processes have to call the same operations in the same order
with the same shapes, and objects go as pickles, which torch itself moves. What is called is written down, so that the processes
can be compared.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.distributed import distributed_c10d
from torch.utils._pytree import tree_leaves, tree_map

from tests.simulated_device.on_device import DEVICE, OnDevice
from tests.simulated_device.trainer import SimulatedAccelerator

OF_TENSORS = (
    "all_reduce",
    "all_gather",
    "broadcast",
    "reduce",
    "all_gather_into_tensor",
    "reduce_scatter_tensor",
    "all_to_all",
)
OF_OBJECTS = ("broadcast_object_list", "all_gather_object", "gather_object", "scatter_object_list")
WITHOUT = ("barrier", "monitored_barrier")


class Collectives:
    """What this process has called, in order: (operation, shapes, types).

    Args:
        is_checked: whether tensors have to be on the simulated device; else they are only written down.
    """

    def __init__(self, is_checked: bool) -> None:
        self.calls: list[tuple[str, list[list[int]], list[str]]] = []
        self._is_checked, self._is_within = is_checked, False
        self._torchs = {name: getattr(dist, name) for name in (*OF_TENSORS, *OF_OBJECTS, *WITHOUT)}
        self._put({name: self._wrapped(name, call) for name, call in self._torchs.items()})

    def leave(self) -> None:
        """Torch's own operations again."""
        self._put(self._torchs)

    @staticmethod
    def _put(calls: dict[str, Callable[..., Any]]) -> None:
        for name, call in calls.items():
            setattr(dist, name, call)
            setattr(distributed_c10d, name, call)

    @property
    def numbers(self) -> list[tuple[str, list[list[int]], list[str]]]:
        """Those that carry numbers, without barriers and what Lightning sends to see whether a process was told to end."""
        return [call for call in self.calls if call[0] in OF_TENSORS and call[0] != "broadcast"]

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._is_within:
                return call(*args, **kwargs)
            tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)] if name in OF_TENSORS else []
            self.calls.append((name, [list(each.shape) for each in tensors], [str(each.dtype) for each in tensors]))
            for each in tensors if self._is_checked else ():
                if not isinstance(each, OnDevice):
                    raise RuntimeError(f"{name}: no backend for a tensor {tuple(each.shape)} on {each.device}")
                if not each.is_contiguous():
                    raise RuntimeError(f"{name}: tensors must be contiguous, and {tuple(each.shape)} is not")
            self._is_within = True
            try:
                raw = tree_map(lambda leaf: leaf.raw if isinstance(leaf, OnDevice) else leaf, (args, kwargs))
                return call(*raw[0], **raw[1])
            finally:
                self._is_within = False

        return watched


class SimulatedDDP(DDPStrategy):
    """Lightning's DDP, whose reducer in C++ needs memory that it can see: here gradients are averaged after the backward pass,
    as it does, and the processes begin with equal weights."""

    def __init__(self, processes: int) -> None:
        super().__init__(
            accelerator=SimulatedAccelerator(), parallel_devices=[DEVICE] * processes, process_group_backend="gloo"
        )

    def setup_distributed(self) -> None:
        root, SimulatedDDP.root_device = SimulatedDDP.root_device, torch.device("cpu")  # type: ignore[assignment, method-assign]
        try:
            super().setup_distributed()
        finally:
            SimulatedDDP.root_device = root  # type: ignore[method-assign]

    @property
    def root_device(self) -> torch.device:
        return DEVICE

    def configure_ddp(self) -> None:
        pass

    def post_backward(self, closure_loss: Tensor) -> None:
        assert self.lightning_module is not None
        if self.lightning_module.automatic_optimization:
            for parameter in self.lightning_module.parameters():
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= self.num_processes
