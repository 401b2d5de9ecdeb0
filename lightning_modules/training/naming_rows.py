"""Where a loss is not finite because the features are not: the first entry of the batch that is to blame."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError

Batch = tuple[Tensor, ...]


@contextmanager
def naming_rows(batch: Batch | None) -> Iterator[None]:
    """Say of a loss that is not finite which features of the batch (features, …) are not, if some are.

    Raises:
        NonFiniteLossError: as it came, or with the first of these.
    """
    try:
        yield
    except NonFiniteLossError as error:
        if batch is None or (found := _first_non_finite(batch[0])) is None:
            raise
        raise NonFiniteLossError(
            f"{found}, so the loss is not finite either: leave out such rows, or fill in what is missing"
        ) from error


def _first_non_finite(features: Tensor) -> str | None:
    if not features.is_floating_point() or bool(torch.isfinite(features).all()):
        return None
    row, *others = (~torch.isfinite(features)).nonzero()[0].tolist()
    number = float(features[(row, *others)])
    where = f"feature {others[0]}" if len(others) == 1 else f"entry {others}"
    return f"{where} of row {row} of a batch (the first is 0) is {number:g}"
