"""Where runs on networks end, with honest verdicts."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.networks import DenseNetwork, ResidualNetwork
from lightning_modules.objectives import NetworkObjective
from lightning_modules.objectives.families import Categorical, PseudoHuber
from lightning_modules.objectives.layered.network_curvature import NetworkCurvature
from lightning_modules.optimizers import Newton, diagnose
from tests.lightning_modules.objectives.network_cases import make_case
from tests.lightning_modules.optimizers.network_descent import assert_never_uphill, descend, saddle


def test_a_network_that_memorises_its_rows_runs_away_and_is_not_called_converged() -> None:
    """Separable classes without a penalty: the loss has no minimum, and no proof of one is invented."""
    case = make_case((2, 6, 3), loss="categorical", rows=6)
    objective = case.objective()
    found = descend(objective, Newton, case.vector(), 60)
    assert found.losses[-1] < 1e-6
    assert diagnose(objective, found.theta, stalled=found.optimizer.status == "stalled").status in ("budget", "stalled")


def test_a_run_that_was_cut_short_says_so() -> None:
    objective, theta = saddle(3, 1e-3, 0)
    found = descend(objective, Newton, theta, 3)
    assert found.optimizer.status is None
    assert diagnose(objective, found.theta).status == "budget"


def test_at_a_kink_where_no_step_helps_the_method_stalls() -> None:
    """|w x| as relu(w x) + relu(−w x), at its kink: whatever slope is taken there, the loss rises both ways or is flat."""
    network = DenseNetwork((1, 1, 1), "relu")
    objective = NetworkObjective(network, PseudoHuber(1, reweighted=True), torch.ones(4, 1).double(), torch.ones(4).double())
    theta = torch.tensor([0.0, -1.0, 0.0, 0.0], dtype=torch.float64)  # a dead unit, and a bias at 0
    found = descend(objective, Newton, theta, 50)
    assert found.optimizer.status == "converged"
    assert_close(found.theta[-1], torch.tensor(1.0, dtype=torch.float64), rtol=0, atol=1e-9)
    assert diagnose(objective, found.theta).status == "budget", "the dead unit leaves the minimiser undetermined"


def test_residual_networks_converge_too() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, dtype=torch.float64, generator=generator)
    labels = (x[:, 0] * x[:, 1] > 0).long()
    objective = NetworkObjective(ResidualNetwork((2, 4, 4, 2), "tanh"), Categorical(2), x, labels, 1e-2)
    theta = torch.randn(42, dtype=torch.float64, generator=generator)
    found = descend(objective, lambda p: Newton(p, curvature="hessian"), theta, 200)
    assert_never_uphill(found)
    assert found.optimizer.status == "converged"


def test_a_verdict_far_from_the_optimum_forms_no_hessian(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, theta = saddle(3, 1e-3, 0)

    def refuse(self: NetworkCurvature, *of_what: Any) -> Tensor:
        raise AssertionError("the gradient and the diagonal say enough")

    monkeypatch.setattr(NetworkCurvature, "matrix", refuse)
    monkeypatch.setattr(NetworkCurvature, "product", refuse)
    assert diagnose(objective, theta).status == "budget"


def test_a_network_that_jumps_gets_a_verdict() -> None:
    case = make_case((3, 4, 2), "sign", loss="categorical", rows=8, l2=0.1)
    assert diagnose(case.objective(), case.vector()).status == "budget"


def test_the_last_layer_of_a_network_that_jumps_can_be_fitted() -> None:
    case = make_case((3, 4, 2), "sign", loss="squared", rows=20)
    found = descend(case.objective(), Newton, case.vector(), 60)
    assert_never_uphill(found)
    assert found.optimizer.status == "converged"
