"""What gradients are divided by is made once between two updates, and anew after each, also after a resume."""

import torch
from torch import Tensor

from lightning_modules.optimizers.kept_divisor import KeptDivisor


def test_it_is_made_anew_when_the_curvature_was_changed() -> None:
    made: list[Tensor] = []
    kept, curvature = KeptDivisor(), torch.ones(3)

    def divisor() -> Tensor:
        made.append(curvature.sqrt())
        return made[-1]

    assert kept.of(curvature, divisor) is kept.of(curvature, divisor) is made[0]
    curvature.lerp_(torch.zeros(3), 0.5)
    assert torch.equal(kept.of(curvature, divisor), torch.full((3,), 0.5).sqrt())
    # A state that is loaded brings equal numbers in another tensor, or others.
    curvature = torch.full((3,), 0.25)
    assert torch.equal(kept.of(curvature, divisor), torch.full((3,), 0.5))
    assert len(made) == 3
