"""How large a matrix of curvature may be."""

DENSE_BYTES = 4 * 2**30


def refuse_dense(parameters: int, name: str) -> None:
    """Refuse what no memory holds.

    Raises:
        ValueError: a matrix of so many parameters takes more than 4 GiB.
    """
    if (size := 8 * parameters**2) > DENSE_BYTES:
        raise ValueError(
            f"a dense {name} of {parameters} parameters takes {size / 2**30:.1f} GiB: "
            "use Newton(solver='cg'), which needs products only, solver='auto', which solves in the space of the rows where "
            "these are few, or DiagonalNewton"
        )


def refuse_rows(rows: int) -> None:
    """Refuse inner products of more rows than a memory holds.

    Raises:
        ValueError: the matrix of the products of so many rows takes more than 4 GiB.
    """
    if (size := 8 * rows**2) > DENSE_BYTES:
        most = int((DENSE_BYTES // 8) ** 0.5)
        raise ValueError(
            f"the inner products of {rows} rows × outputs take {size / 2**30:.1f} GiB, and up to {most} fit: use fewer rows, "
            "or Newton(solver='cg'), which needs products only"
        )
