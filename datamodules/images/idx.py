"""The IDX format of the MNIST files: what the header promises, held against what the file has.

    offset  type           value
    0       uint8 × 2      0, 0
    2       uint8          type of the values; 8 = uint8
    3       uint8          number of dimensions D
    4       uint32 × D     sizes, big-endian
    4 + 4D  values, row by row

Readers that do not look reshape what they get: torchvision's ends in a bare AssertionError or a shape error of torch.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, section "File formats".
"""

import math
import struct
from pathlib import Path

UINT8 = 8
REMEDY = "delete it, so that it is downloaded again, or copy it anew"


def check_idx(path: Path, dimensions: int) -> tuple[int, ...]:
    """Refuse a file that is not a whole IDX file of uint8 values.

    Args:
        path: the file.
        dimensions: D: 3 for images, 1 for labels.

    Returns:
        The D sizes: (n, h, w) or (n,).

    Raises:
        ValueError: another format, another number of values than the header says, or none.
    """
    header = 4 + 4 * dimensions
    with path.open("rb") as file:
        start = file.read(header)
    magic = bytes((0, 0, UINT8, dimensions))
    if start[:2] == b"\x1f\x8b":
        raise ValueError(f"{path} is still packed with gzip: unpack it, or name it {path.name}.gz")
    if len(start) >= 4 and start[:4] != magic:
        raise ValueError(
            f"{path} is not an IDX file of uint8 values in {dimensions} dimensions: it starts with {start[:4].hex()}, not "
            f"{magic.hex()}; {REMEDY}"
        )
    size = path.stat().st_size
    if len(start) < header:
        raise ValueError(f"{path} is truncated: it has {size} bytes, its header alone takes {header}; {REMEDY}")
    sizes: tuple[int, ...] = struct.unpack(f">{dimensions}I", start[4:])
    if size != header + math.prod(sizes):
        raise ValueError(
            f"{path} is {'truncated' if size < header + math.prod(sizes) else 'damaged'}: it has {size} bytes, its header "
            f"promises {' × '.join(map(str, sizes))} values in {header + math.prod(sizes)}; {REMEDY}"
        )
    if math.prod(sizes) == 0:
        raise ValueError(f"{path} is empty: its header says {' × '.join(map(str, sizes))} values; {REMEDY}")
    return sizes
