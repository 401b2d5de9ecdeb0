"""How long the directions are along which a network's slope and curvature are averaged."""

import pytest
import torch

from lightning_modules.optimizers.direction_norm import averaged_norm

Q = torch.tensor([3.0, -4.0], dtype=torch.float64)


def test_the_first_is_as_it_is_and_others_count_for_their_weight() -> None:
    first = averaged_norm(Q, None, 0.1)
    assert first == 5
    torch.testing.assert_close(averaged_norm(3 * Q, first, 0.1), torch.tensor(0.9 * 5 + 0.1 * 15, dtype=torch.float64))
    assert averaged_norm(2 * Q, first, 1.0) == 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_gradient_at_first_divides_nothing_by_nothing(dtype: torch.dtype) -> None:
    nothing = averaged_norm(torch.zeros(2, dtype=dtype), None, 0.1)
    assert nothing > 0 and bool(torch.isfinite(torch.zeros(2, dtype=dtype) / nothing).all())
    assert float(averaged_norm(Q.to(dtype), nothing, 0.1)) == pytest.approx(0.5)
