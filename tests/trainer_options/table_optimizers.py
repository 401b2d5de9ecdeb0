"""Every class of torch.optim as the method of a network."""

import torch

from tests.trainer_options import checks
from tests.trainer_options.expectations import NotApplicable, Refused, Works
from tests.trainer_options.rows import Row

DENSE = Refused("SparseAdam", "it takes sparse gradients only, which these models have none of")
# The classes that do not simply train.
OTHERS = {
    "Optimizer": NotApplicable("it is abstract"),
    "SparseAdam": DENSE,
    # A plain module can not be made with it: its vectors are left to AdamW.
    "Muon": Works(checks.all_of(checks.ends_after(), checks.moved)),
}
NAMES = sorted(name for name, kind in vars(torch.optim).items() if isinstance(kind, type))
ROWS = [
    Row("torch.optim", name, {name: OTHERS.get(name, Works(checks.all_of(checks.ends_after(), checks.moved), like_plain=True))})
    for name in NAMES
]
