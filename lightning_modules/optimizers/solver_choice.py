"""How Newton's method solves with its curvature: by a p × p matrix, in the space of the rows, or by products."""

from typing import Literal, get_args

from lightning_modules.objectives import Point
from lightning_modules.objectives.kind import Kind

ChosenSolver = Literal["auto", "cholesky", "cg", "woodbury"]
Way = Literal["dense", "cg", "woodbury"]
# Those that may form the p × p matrix.
DENSE = ("auto", "cholesky")
# Up to so many parameters a matrix is formed if nothing is said. For logistic regression conjugate gradients with their
# preconditioner take about as long at 100 and half as long from 500 on (`benchmark.py scaling`). Networks have a diagonal for
# one, and least squares need the matrix once.
DENSE_PARAMETERS, DENSE_OTHERWISE = 128, 2048
# From so many parameters on, twice the rows, and up to so many rows their space is the faster one to solve in. Its matrix is
# then factorised in a second.
FEWEST_LONG, MOST_FACTOR_ROWS = 256, 4096


def check_solver(solver: str) -> None:
    """Refuse another word.

    Raises:
        ValueError: none of `ChosenSolver`.
    """
    if solver not in get_args(ChosenSolver):
        raise ValueError(
            f"Newton(solver={solver!r}): choose 'cholesky' (dense), 'cg' (matrix-free), 'woodbury' (fewer rows than "
            "parameters) or 'auto'"
        )


def chosen(solver: ChosenSolver, point: Point, kind: Kind) -> Way:
    """The way to solve at a point: what was asked for, or the fastest.

    Args:
        solver: what was asked for.
        point: where.
        kind: of the curvature.
    """
    if solver != "auto":
        return "dense" if solver == "cholesky" else solver
    objective, parameters = point.objective, len(point.theta)
    if parameters >= FEWEST_LONG and kind == "ggn":
        curvature = point.curvature(kind)
        if curvature.knows_rows and curvature.num_factor_rows <= min(MOST_FACTOR_ROWS, parameters // 2):
            return "woodbury"
    most = DENSE_PARAMETERS if objective.is_convex and not objective.is_quadratic else DENSE_OTHERWISE
    return "dense" if parameters <= most else "cg"
