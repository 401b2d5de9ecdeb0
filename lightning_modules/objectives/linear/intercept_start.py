r"""Where a fit may start: with coefficients of 0, and the intercept that alone meets the targets where the link is logarithmic.

    b = log (Σ w_i y_i / Σ w_i e^(o_i))

From b = 0 means may be out of the range of numbers, if targets or offsets are large or small, or thousands of steps away.
"""

import torch
from torch import Tensor

from lightning_modules.objectives.families.log_link import LogLink
from lightning_modules.objectives.linear.glm_objective import GLMObjective
from lightning_modules.objectives.reduction import of_each_process


def intercept_start(objective: GLMObjective) -> Tensor:
    """θ (p,) in float64, on the CPU; every process must call it."""
    rows = objective.rows
    theta = objective.layout.zeros(torch.device("cpu"))
    if not objective.layout.has_bias or not isinstance(objective.family, LogLink):
        return theta
    terms, targets = rows.terms_of_rows, objective.targets.double()
    weights = torch.ones_like(targets) if terms.weights is None else terms.weights.double()
    offset = torch.zeros_like(targets) if terms.offset is None else terms.offset.double()
    # By the largest of each, of which sums stay finite.
    nothing = targets.new_zeros(1)
    own = [torch.cat([part.flatten(), nothing]).amax() for part in (weights, targets)]
    own.append(torch.cat([offset.flatten(), nothing - torch.inf]).amax())
    most = of_each_process(torch.stack(own), rows.reduction).amax(0)
    largest, target = (torch.where(each > 0, each, 1.0) for each in most[:2])
    beyond = torch.where(torch.isfinite(most[2]), most[2], 0.0)
    shares = weights / largest
    sums = rows.reduction(torch.stack([(shares * (targets / target)).sum(), (shares * (offset - beyond).exp()).sum()]))
    intercept = sums[0].log() + target.log() - sums[1].log() - beyond
    theta[-1] = intercept.cpu() if bool(torch.isfinite(intercept)) else 0.0
    return theta
