"""What the user should know of the device that a fit runs on."""

import torch

# Compute capabilities whose float64 is half as fast as float32; all others take 32 or 64 times as long. Source: NVIDIA, CUDA
# C++ programming guide, arithmetic instructions, throughput of native instructions.
FAST_FLOAT64 = {(6, 0), (7, 0), (8, 0), (9, 0), (10, 0)}


def device_notes(device: torch.device, dtype: torch.dtype, used: int) -> list[str]:
    """Sentences on a GPU in use.

    Args:
        device: of this process.
        dtype: the model's type of numbers.
        used: how many processes there are, a GPU each.
    """
    if device.type != "cuda":
        return []
    name, here = torch.cuda.get_device_name(device), torch.cuda.device_count()
    notes = [slow_float64(name)] if dtype == torch.float64 and is_slow(torch.cuda.get_device_capability(device)) else []
    return [*notes, one_of_several(name, here)] if used == 1 < here else notes


def is_slow(capability: tuple[int, int]) -> bool:
    """Whether float64 takes 32 times as long as float32, or longer, on GPUs of a compute capability."""
    return capability not in FAST_FLOAT64


def slow_float64(name: str) -> str:
    """That float64 is slow on a GPU, and what to do."""
    return (
        f"{name} computes in float64 32 to 64 times slower than in float32: where 7 digits are enough, precision=32-true "
        "(--trainer.precision=32-true) is much faster"
    )


def one_of_several(name: str, here: int) -> str:
    """That one GPU of several is used, and how to use all."""
    return (
        f"one of {here} GPUs is used, {name}: large tables are fitted faster by all, devices={here} "
        f"(--trainer.devices={here} --trainer.strategy=ddp)"
    )
