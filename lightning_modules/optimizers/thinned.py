"""As much of a mini-batch as tells the curvature of a network well enough for an average over many."""

from lightning_modules.objectives import Point
from lightning_modules.optimizers.draws import Draws, of_outputs

# So many rows are left at least.
FEWEST_ROWS = 64
# Rows of more outputs than the former have so many draws each in place of a sweep for every output.
MOST_FACTORS, DRAWS_OF_ROW = 32, 8


def thinned(point: Point, interval: int, seed: int) -> tuple[Point, Draws | None]:
    """The same θ, of the loss of fewer rows, and where these have many outputs with random draws for their sweeps.

    Args:
        point: of a mini-batch of a network.
        interval: every so many rows one is looked at, or more where too few were left.
        seed: of the draws.

    Returns:
        The point itself where nothing can be left out; what was drawn, or None.
    """
    objective, draws = point.objective, None
    k = min(interval, objective.num_rows // FEWEST_ROWS)
    if k > 1:
        objective = objective.every_kth(k) or objective
    if objective.num_factors > MOST_FACTORS and (drawn := objective.drawn(DRAWS_OF_ROW, seed)) is not None:
        objective, draws = drawn, of_outputs(DRAWS_OF_ROW, objective.num_factors)
    return (point if objective is point.objective else objective.point(point.theta)), draws
