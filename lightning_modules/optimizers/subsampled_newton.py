"""Newton's method with the curvature of some rows, for whoever wants to say of how many."""

from collections.abc import Iterable

from torch.nn import Parameter

from lightning_modules.objectives import Objective
from lightning_modules.optimizers.newton import Newton
from lightning_modules.optimizers.sampled_steps import smallest_sample


class SubsampledNewton(Newton):
    """θ ← θ − B⁻¹ ∇f(θ), B the Hessian over every k-th row, corrected by the gradients of all rows (`sampled_steps.py`).

    What `Newton` does by itself on tall tables, here from the first row on: for linear, logistic and softmax regression, full
    batch. Where the rows are too few for the parameters, fewer of them are left out.

    Args:
        params: the parameters, one group.
        every: k ≥ 1 at the start.
        tolerance: how small gradient and Newton decrement have to be in units of the loss (`optimality.py`) for it to stop;
            null = 3.7e-11 (float64).

    Raises:
        ValueError: a hyper-parameter out of its range; at the first step, a network, a mini-batch, or a dense matrix above
            4 GiB.
    """

    takes_kinks = False

    def __init__(self, params: Iterable[Parameter], every: int = 8, tolerance: float | None = None) -> None:
        if not (isinstance(every, int) and every >= 1):
            raise ValueError(f"SubsampledNewton(every={every!r}): give a whole number, 1 for all rows")
        super().__init__(params, tolerance=tolerance)
        self.param_groups[0]["every"] = every

    def row_interval(self, objective: Objective) -> int:
        if objective.is_sample or not objective.rows_per_parameter > 0:
            raise ValueError(
                "SubsampledNewton is for linear, logistic and softmax regression with all rows in one batch "
                "(batch_size=None): use DiagonalNewton for mini-batches, Newton or DiagonalNewton for networks"
            )
        return min(self.param_groups[0]["every"], smallest_sample(objective))
