"""What a method keeps between steps, stored and taken up again."""

import pytest
import torch

from lightning_modules.objectives import GLMObjective
from lightning_modules.objectives.families import Bernoulli
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, Newton
from tests.lightning_modules.optimizers.fitting import normal, run, start, well_posed


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_a_state_dict_is_plain_enough_to_be_stored(make, tmp_path):
    result = run(well_posed(Bernoulli()), make, 2)
    torch.save(result.optimizer.state_dict(), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert loaded == result.optimizer.state_dict()


def test_adaptive_damping_goes_on_where_a_state_dict_left_it():
    x = normal(50, 1) + 0.05 * normal(50, 6, seed=1)
    objective = GLMObjective(Bernoulli(), x, torch.arange(50) % 2)
    whole = run(objective, DiagonalNewton, 12)
    first = run(objective, DiagonalNewton, 5)
    assert first.optimizer.damping > 0
    second = start(objective, DiagonalNewton, first.theta)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert second.optimizer.damping == first.optimizer.damping
    second.go_on(7)
    for resumed, uninterrupted in zip(second.iterates, whole.iterates[5:], strict=True):
        assert torch.equal(resumed, uninterrupted)
    forgetful = start(objective, DiagonalNewton, first.theta).go_on(7)
    assert not torch.equal(forgetful.iterates[1], whole.iterates[6])  # so the state is what it needs
