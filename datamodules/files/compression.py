"""Files as they are, whether compressed or not."""

from pathlib import Path

import pyarrow as pa

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


def open_bytes(path: Path) -> pa.NativeFile:
    """The content of a file, decompressed while it is read."""
    return pa.input_stream(str(path), compression=COMPRESSIONS.get(path.suffix.lower()))


def suffix_of(path: Path) -> str:
    """The ending that tells the kind of table, in small letters: .csv of table.csv.gz."""
    inner = Path(path.stem) if path.suffix.lower() in COMPRESSIONS else path
    return inner.suffix.lower()
