"""Whether there is memory for a matrix that somebody asks for, before it is begun."""

from torch import Tensor

from lightning_modules.devices import free_bytes

# What is smaller is not worth asking the system for: 128 MiB.
SMALL = 2**27


def refuse_without_room(rows: int, like: Tensor, copies: int = 1) -> None:
    """Refuse a matrix of so many rows and as many columns as a vector has entries, in its type and on its device.

    Args:
        rows: of the matrix.
        like: (p,).
        copies: how many matrices of this size there are at once while it is made.

    Raises:
        ValueError: it takes more memory than is free.
    """
    columns = len(like)
    needed = copies * like.element_size() * rows * columns
    if needed < SMALL or (free := free_bytes(like.device)) is None or needed <= free:
        return
    room = free / (copies * like.element_size())
    if rows == columns:
        what, most = f"the curvature matrix of {columns} parameters takes", f"{int(room**0.5)} parameters"
    else:
        what, most = f"{rows} rows of {columns} parameters each take", f"{int(room / columns)} rows"
    raise ValueError(
        f"{what} {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free, where up to {most} would fit: use what needs no "
        "matrix, products (curvature.product, Newton(solver='cg')) or the diagonal (DiagonalNewton)"
    )
