"""Rows that are groups: of shares k/m between 0 and 1, which no single trial has, the weight m is how many trials there were.

A group has one residual, k − mμ, and one leverage, where m rows of weight 1 have m of them.
"""

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.reduction import of_each_process


def are_groups(objective: GLMObjective) -> bool:
    """Whether targets of two classes are shares, on any process: labels are whole numbers once they are checked."""
    is_share = objective.family.takes_shares and objective.targets.is_floating_point()
    flag = objective.rows.no_rows.new_tensor(float(is_share))
    return bool(of_each_process(flag, objective.rows.reduction).max() > 0)
