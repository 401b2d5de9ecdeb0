"""A number that tells the rows of a data module from others, so that a run goes on with those it began with."""

import zlib
from collections.abc import Mapping, Sequence

from torch import Tensor

PIECE_ROWS = 2**14


def checksum_of_rows(splits: Mapping[str, Sequence[Tensor]], *names: object) -> int:
    """CRC-32 of all rows of each part in their order, and of the names of features and classes.

    Real numbers count by seven digits, so that the last bits, in which one machine's scaling may differ from another's, do not.
    """
    checksum = zlib.crc32(repr(names).encode())
    for part, split in splits.items():
        checksum = zlib.crc32(f"{part} {len(split[1])}".encode(), checksum)
        for values in split:
            for piece in values.split(PIECE_ROWS):
                digits = piece.float() if piece.is_floating_point() else piece
                checksum = zlib.crc32(digits.contiguous().numpy().tobytes(), checksum)
    return checksum
