"""Second derivatives of normalised weights, of which torch's own are wrong."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules import TorchModel
from lightning_modules.objectives import ModuleObjective, SplitLoss, flattened, weight_norm
from lightning_modules.optimizers import Newton
from tests.lightning_modules.own_modules import X, Y


class Called(nn.Module):
    """By its name."""

    def __init__(self) -> None:
        super().__init__()
        self.v, self.g = nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.rand(4, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x @ torch._weight_norm(self.v, self.g, 0).T


def by_hook() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has a newer one
        return nn.utils.weight_norm(nn.Linear(6, 4))


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "a parametrisation": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)),
    "one norm of all": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4), dim=None),
    "columns": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4), dim=1),
    "a hook": by_hook,
    "a call": Called,
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_they_are_those_of_differences(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(make(), nn.Tanh(), nn.Linear(4, 3)).double()
    whole = SplitLoss(lambda net, rows: net(rows[0]), lambda f, rows: cross_entropy(f, rows[1], reduction="sum"))
    for objective in (
        TorchModel(module, num_outputs=3, optimizer=Newton).objective((X, Y)),
        ModuleObjective(module, whole, (X, Y), len(X)),
    ):
        theta, step = flattened(list(module.parameters())), 1e-5
        assert torch.allclose(objective.at(theta).value, cross_entropy(module(X), Y))
        v = torch.randn_like(theta)
        ahead, behind = (objective.point(theta + sign * step * v).gradient for sign in (1, -1))
        curvature = objective.point(theta).curvature("hessian")
        for found in (curvature.product(v), curvature.matrix() @ v):
            torch.testing.assert_close(found, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)


def test_control_the_function_of_torch_is_wrong() -> None:
    """The day this fails, torch has it right and `weight_norm.py` can go."""
    v, g = (torch.randn(3, k, dtype=torch.float64, requires_grad=True) for k in (2, 1))
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradgradcheck(lambda v, g: torch._weight_norm(v, g, 0), (v, g))
    assert torch.autograd.gradgradcheck(weight_norm.weight_norm, (v, g))
