"""What a method keeps between steps, stored and taken up again."""

from dataclasses import FrozenInstanceError, replace
from functools import partial

import pytest
import torch

from lightning_modules.objectives import GLMObjective, GraphObjective
from lightning_modules.objectives.families import Bernoulli, Categorical
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton
from tests.lightning_modules.optimizers.fitting import normal, run, start, well_posed


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_a_state_dict_is_plain_enough_to_be_stored(make, tmp_path):
    result = run(well_posed(Bernoulli()), make, 2)
    torch.save(result.optimizer.state_dict(), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert str(loaded) == str(result.optimizer.state_dict())
    assert torch.equal(loaded["state"][0]["scale"], result.optimizer.kept.scale)


def test_a_state_that_lacks_what_a_method_keeps_is_refused():
    result = run(well_posed(Bernoulli()), DiagonalNewton, 2)
    missing = "without bases, corners, inputs, others, outputs"
    for other, why in ((KroneckerNewton, missing), (partial(GradientDescent, lr=1.0), "that holds")):
        with pytest.raises(ValueError, match=why):
            other([torch.nn.Parameter(result.theta)]).load_state_dict(result.optimizer.state_dict())


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_numbers_keep_their_precision_in_a_model_of_another(dtype):
    """torch rounds what is loaded to the parameters' type: a factor of the curvature in float64 would lose its digits."""
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=dtype))
    first, second = Newton([parameter]), Newton([parameter])
    factor = torch.eye(3, dtype=torch.float64) / 3
    first.keep(replace(first.kept, damping=1 / 3, row_interval=8, factor=factor, pairs=[(factor[0], factor[1])]))
    second.load_state_dict(first.state_dict())
    kept = second.kept
    assert torch.equal(kept.factor, factor) and kept.factor.dtype == torch.float64
    assert torch.equal(kept.pairs[0][1], factor[1]) and kept.damping == 1 / 3 and kept.row_interval == 8
    first.kept.factor.zero_()
    assert second.kept.factor.any(), "a copy of its own"


def test_a_setting_that_is_newer_than_the_state_has_its_default():
    method, state = (
        Newton([torch.nn.Parameter(torch.zeros(2))], lr=0.5),
        Newton([torch.nn.Parameter(torch.zeros(2))]).state_dict(),
    )
    del state["param_groups"][0]["curvature_rows"]
    method.load_state_dict(state)
    assert method.param_groups[0]["curvature_rows"] == "auto" and method.param_groups[0]["lr"] == 1.0


def test_the_state_of_another_method_is_refused():
    result = run(well_posed(Bernoulli()), Newton, 2)
    with pytest.raises(ValueError, match=r"GradientDescent cannot go on from a state that holds damping.*start anew"):
        GradientDescent([torch.nn.Parameter(torch.zeros(2))], lr=1.0).load_state_dict(result.optimizer.state_dict())


@pytest.mark.parametrize("make", [Newton, DiagonalNewton, lambda p: GradientDescent(p, lr=1.0)])
def test_the_report_of_a_step_cannot_be_changed_and_the_status_outlives_a_resume(make):
    result = run(well_posed(Bernoulli()), make, 500)
    report = result.optimizer.report
    with pytest.raises(FrozenInstanceError):
        report.status = None
    assert report.status == result.optimizer.status == "converged"
    assert report.theta is None and torch.equal(report.point.theta, result.theta)
    resumed = start(result.objective, make, result.theta)
    resumed.optimizer.load_state_dict(result.optimizer.state_dict())
    assert resumed.optimizer.status == "converged" and resumed.optimizer.report is None


def test_a_state_of_another_version_is_refused_before_a_step():
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    optimizer = KroneckerNewton(network.parameters())
    optimizer.step(objective=GraphObjective(network, Categorical(3), x, y).as_sample())
    saved = optimizer.state_dict()
    del saved["state"][0]["corners"]
    with pytest.raises(ValueError, match="without corners: it is that of another method or version; start anew"):
        KroneckerNewton(network.parameters()).load_state_dict(saved)
