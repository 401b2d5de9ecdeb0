"""As much of a mini-batch as tells the curvature of a network well enough for an average over many."""

from lightning_modules.objectives import Point
from lightning_modules.objectives.kind import Kind
from lightning_modules.optimizers.draws import Draws, of_outputs

# So many rows are left at least, of every k-th.
FEWEST_ROWS = 64
# Of rows that are drawn in proportion to their curvature, each so many-th is, and so many are left at least.
DRAWN_INTERVAL, FEWEST_DRAWN = 8, 32
# Rows of more outputs than this have a few random draws each in place of a sweep for every output.
MOST_FACTORS = 32


def thinned(point: Point, interval: int, draws_of_row: int, kind: Kind, seed: int) -> tuple[Point, Draws | None]:
    """The same θ, of the loss of fewer rows, and where these have many outputs with random draws for their sweeps.

    Of a Gauss–Newton matrix the rows are drawn in proportion to how much their losses bend (`proportional_rows.py`). What else
    there is to a Hessian is not in proportion to that, and of rows that all bend alike none tells more than another: of these
    every `interval`-th is looked at.

    Args:
        point: of a mini-batch of a network.
        interval: 1 leaves out no rows but where they are drawn.
        draws_of_row: how many there are in place of the sweeps of a row with many outputs.
        kind: of the curvature that is asked for.
        seed: of the draws.

    Returns:
        The point itself where nothing can be left out; how sweeps were drawn, or None.
    """
    objective, draws = point.objective, None
    is_drawn = kind == "ggn" and objective.num_factors <= MOST_FACTORS
    if is_drawn and objective.num_rows >= 2 * FEWEST_DRAWN:
        drawn_rows = objective.in_proportion(point, max(objective.num_rows // DRAWN_INTERVAL, FEWEST_DRAWN), seed)
        if drawn_rows is not None:
            return drawn_rows, None
    k = min(interval, objective.num_rows // FEWEST_ROWS)
    if k > 1:
        objective = objective.every_kth(k) or objective
    if objective.num_factors > MOST_FACTORS and (drawn := objective.drawn(draws_of_row, seed)) is not None:
        objective, draws = drawn, of_outputs(draws_of_row, objective.num_factors)
    return (point if objective is point.objective else objective.point(point.theta)), draws
