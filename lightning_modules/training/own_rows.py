"""A loss that knows the rows of its own process only is refused where there are several: each would go its own way."""

from lightning_modules.objectives import Objective, Reduction


def refuse_own_rows(objective: Objective, reduction: Reduction) -> None:
    """Refuse a function of θ alone as the loss of several processes.

    Raises:
        ValueError: it is one, and there are several.
    """
    if reduction.num_processes > 1 and objective.num_rows == 0:
        raise ValueError(
            f"{type(objective).__name__} sums over the rows of one process, and there are {reduction.num_processes}: return "
            "ModuleObjective(self, loss, batch, len(batch[0]), self.reduction) from `objective`, whose loss sums over rows"
        )
