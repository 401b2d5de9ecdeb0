"""How many rows are computed with at a time: the one home of the choice between a cache and a device.

A processor is fastest on what its cache holds; how many rows that are says who reads them. A device has to start a dozen
kernels for every chunk, and its memory is fast from end to end: there a chunk is as large as what is computed from it may be,
`DEVICE_BYTES`. Beside them are the rows themselves, and at most twice as much for a moment within an operation.
"""

import torch

# Of all that is computed from a chunk of rows on a device: 1 GiB.
DEVICE_BYTES = 2**30


def rows_at_a_time(device: torch.device, in_cache: int, computed_bytes: int) -> int:
    """Rows of a chunk, ≥ 1.

    Args:
        device: where is computed.
        in_cache: how many rows it is on a processor.
        computed_bytes: of what is computed from one row.
    """
    return max(1, in_cache if device.type == "cpu" else DEVICE_BYTES // max(1, computed_bytes))
