r"""Where a fit starts: from coefficients of 0, with the intercept that alone meets the targets where the link is logarithmic.

    b = log (Σ w_i y_i / Σ w_i e^(o_i))

From b = 0 means may be out of the range of numbers, if targets or offsets are large or small, or thousands of steps away.
"""

import torch
from torch import Tensor

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families.log_link import LogLink


def start_of(objective: GLMObjective) -> Tensor:
    """θ (p,)."""
    theta = objective.layout.zeros(torch.device("cpu")).double()
    if not objective.layout.has_bias or not isinstance(objective.family, LogLink):
        return theta
    terms, targets = objective.rows.terms_of_rows, objective.targets.double()
    weights = torch.ones_like(targets) if terms.weights is None else terms.weights.double()
    offset = torch.zeros_like(targets) if terms.offset is None else terms.offset.double()
    largest = weights.max()  # of which sums stay finite
    intercept = (weights / largest * (targets / targets.max())).sum().log() + targets.max().log()
    intercept = intercept - torch.logsumexp(offset + (weights / largest).log(), 0)[0]
    theta[-1] = intercept if bool(torch.isfinite(intercept)) else 0.0
    return theta
