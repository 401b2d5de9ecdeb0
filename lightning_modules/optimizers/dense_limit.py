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
            "use Newton(solver='cg'), which needs products only, or DiagonalNewton"
        )
