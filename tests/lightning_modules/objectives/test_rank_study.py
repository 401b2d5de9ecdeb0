"""10 000 random designs, exactly or nearly collinear: what is called rank deficient is so in exact arithmetic, and no more.

A design that is standardised or in other units is the exact one up to a few roundings of each number, and judged as that.
"""

import pytest
import torch

from lightning_modules.objectives import GLMObjective, undivided
from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from lightning_modules.objectives.linear.linear_dependence import dependent_columns
from lightning_modules.objectives.linear.rows import Rows
from lightning_modules.optimizers.minimise import minimise
from tests.lightning_modules.objectives.designs import Design, design
from tests.lightning_modules.objectives.test_linear_dependence import overlapping_targets

FAMILIES: list[Family] = [Gaussian(1), Bernoulli(), Categorical(3)]
QUICK, ALL, PART = 210, 10_000, 500


def check(seed: int) -> str:
    """The columns found are those of exact arithmetic, and the status of a fit agrees with it."""
    table = design(seed)
    found = dependent_columns(Rows(table.features, torch.zeros(len(table.features))))
    assert found == table.dependent, f"{table.name}: found {found}, exact {table.dependent}"
    return status(table, FAMILIES[seed // 42 % 3])


def status(table: Design, family: Family) -> str:
    objective = GLMObjective(family, *overlapping_targets(family, table.features))
    theta = torch.zeros((objective.num_features + 1) * family.num_outputs, dtype=torch.float64)
    verdict = minimise(objective, theta, max_steps=30).verdict
    if table.dependent:
        assert verdict.status == "rank_deficient", (table.name, verdict)
        assert not objective.attains_minimum(theta, 0.0, None), table.name
    else:
        assert verdict.status != "rank_deficient", (table.name, verdict)
    return str(verdict.status)


def test_a_sample_of_the_study():
    with undivided():
        statuses = [check(seed) for seed in range(QUICK)]
    assert 0.4 * QUICK < statuses.count("rank_deficient") < 0.6 * QUICK
    assert statuses.count("converged") > 0


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, ALL, PART))
def test_the_study(first: int):
    with undivided():
        for seed in range(first, first + PART):
            check(seed)
