"""What is not finite is refused, and nothing else."""

import pytest
import torch

from lightning_modules.optimizers.non_finite_loss import NonFiniteLossError, refuse_non_finite


def test_a_gradient_whose_sum_alone_is_not_finite_passes() -> None:
    refuse_non_finite(torch.tensor(1.0), torch.tensor([3e38, 3e38, 1.0]), 0)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_refused_with_its_step(bad: float) -> None:
    with pytest.raises(NonFiniteLossError, match="at step 7"):
        refuse_non_finite(torch.tensor(1.0), torch.tensor([1.0, bad, 1.0]), 7)
    with pytest.raises(NonFiniteLossError, match="at step 7"):
        refuse_non_finite(torch.tensor(bad), torch.ones(3), 7)
