"""What follows from averages is made once between two updates, and anew after each, also after a resume."""

import torch
from torch import Tensor

from lightning_modules.optimizers.kept_values import KeptValues


def test_it_is_made_anew_when_a_source_was_changed() -> None:
    made: list[Tensor] = []
    kept, curvature, damping = KeptValues(), torch.ones(3), torch.zeros(())

    def divisor() -> Tensor:
        made.append((curvature + damping).sqrt())
        return made[-1]

    def of_both() -> Tensor:
        return kept.of("divisor", [curvature, damping], divisor)

    assert of_both() is of_both() is made[0]
    curvature.lerp_(torch.zeros(3), 0.5)
    assert torch.equal(of_both(), torch.full((3,), 0.5).sqrt())
    # A state that is loaded brings equal numbers in another tensor, or others.
    damping = torch.full((), 0.5)
    assert torch.equal(of_both(), torch.ones(3))
    assert len(made) == 3


def test_names_are_kept_apart() -> None:
    kept, source = KeptValues(), torch.ones(2)
    assert kept.of("one", [source], lambda: 1) == 1
    assert kept.of("two", [source], lambda: 2) == 2
    assert kept.of("one", [source], lambda: 3) == 1
