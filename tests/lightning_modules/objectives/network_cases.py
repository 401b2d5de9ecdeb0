"""Network objectives as data: random architectures, losses and rows, each drawn from one seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from lightning_modules.networks import ACTIVATIONS, DenseNetwork, ResidualNetwork, make_activation
from lightning_modules.objectives import NetworkObjective, Reduction, this_process
from lightning_modules.objectives.families import Bernoulli, Categorical, Gaussian, PointwiseLoss, PseudoHuber, SquaredError
from tests.lightning_modules.objectives.queries import ask

SMOOTH = [name for name in ACTIVATIONS if make_activation(name).twice_differentiable]
LINEAR = [name for name in SMOOTH if make_activation(name).piecewise_linear]
CURVED = [name for name in SMOOTH if name not in LINEAR]
# Losses by name, as functions of the number of outputs.
LOSSES: dict[str, Callable[[int], PointwiseLoss]] = {
    "categorical": lambda outputs: Categorical(max(2, outputs)),
    "squared": SquaredError,
    "gaussian": Gaussian,
    "bernoulli": lambda outputs: Bernoulli(),
    "pseudo_huber": lambda outputs: PseudoHuber(outputs, delta=0.5),
}

POINT_QUERIES = ("gradient", "hessian", "hessian_diagonal", "ggn", "ggn_diagonal")
PRODUCTS = ("hessian_product", "ggn_product")
# Deep enough that the diagonal of the Hessian carries a matrix on its way down.
DEEP = (4,) * 7 + (2,)


def random_targets(loss: PointwiseLoss, rows: int, generator: torch.Generator) -> Tensor:
    if isinstance(loss, Categorical):
        return torch.randint(loss.num_outputs, (rows,), generator=generator)
    if isinstance(loss, Bernoulli):
        return torch.randint(2, (rows,), generator=generator)
    return torch.randn(rows, loss.num_outputs, dtype=torch.float64, generator=generator)


def torch_loss(loss: PointwiseLoss, z: Tensor, y: Tensor) -> Tensor:
    """Summed loss of all rows by torch.nn.functional, y as given, unchecked."""
    if isinstance(loss, Categorical):
        return cross_entropy(z, y, reduction="sum")
    if isinstance(loss, Bernoulli):
        return binary_cross_entropy_with_logits(z[:, 0], y.to(z), reduction="sum")
    if isinstance(loss, PseudoHuber):
        return (loss.delta * ((1 + ((z - y) / loss.delta) ** 2).sqrt() - 1)).sum()
    return mse_loss(z, y, reduction="sum") * (0.5 if isinstance(loss, Gaussian) else 1.0)


@dataclass
class NetworkCase:
    """A network, its loss and its rows; what they are seen through is made by `objective`."""

    network: DenseNetwork
    loss: PointwiseLoss
    features: Tensor
    targets: Tensor
    l2: float
    generator: torch.Generator

    def __str__(self) -> str:
        network = self.network
        kind, phi, psi = (type(part).__name__ for part in (network, network.activation, network.output_activation))
        return f"{kind}{network.widths} {phi}/{psi} {type(self.loss).__name__} l2={self.l2} rows={len(self.features)}"

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    def vector(self, *shape: int) -> Tensor:
        """A random point or direction (…, p)."""
        return torch.randn(*shape, self.num_parameters, dtype=torch.float64, generator=self.generator)

    def objective(
        self, rows: slice = slice(None), l2: float | None = None, reduction: Reduction = this_process
    ) -> NetworkObjective:
        l2 = self.l2 if l2 is None else l2
        return NetworkObjective(self.network, self.loss, self.features[rows], self.targets[rows], l2, reduction)


def make_case(  # what a case is made of
    widths: Sequence[int],
    activation: str = "tanh",
    output_activation: str = "identity",
    loss: str = "squared",
    *,
    residual: bool = False,
    rows: int = 5,
    l2: float = 0.0,
    seed: int = 0,
) -> NetworkCase:
    """The last of the widths may be changed to what the loss takes."""
    generator = torch.Generator().manual_seed(seed)
    pointwise = LOSSES[loss](widths[-1])
    network = (ResidualNetwork if residual else DenseNetwork)(
        (*widths[:-1], pointwise.num_outputs), activation, 1.0, output_activation
    )
    features = torch.randn(rows, widths[0], dtype=torch.float64, generator=generator)
    return NetworkCase(network, pointwise, features, random_targets(pointwise, rows, generator), l2, generator)


def draw_case(seed: int, **fixed: Any) -> NetworkCase:
    """A random one: 1 to 6 layers of widths 1 to 4, all equal in a third of them, with skips wherever they fit in half."""
    random = Random(seed)
    depth = random.randint(1, 6)
    widths = [random.randint(1, 4) for _ in range(depth)]
    if random.random() < 1 / 3:
        widths = [random.choice((1, 3))] * depth
    widths.append(random.randint(1, 3))
    drawn: dict[str, Any] = {
        "widths": widths,
        "activation": random.choice(SMOOTH),
        "output_activation": random.choice(["identity", *SMOOTH]),
        "loss": random.choice(list(LOSSES)),
        "residual": any(a == b for a, b in pairwise(widths[:-1])) and random.random() < 0.5,
        "rows": random.randint(1, 7),
        "l2": random.choice((0.0, 0.3)),
        "seed": seed,
    }
    return make_case(**(drawn | fixed))


def query_everything(objective: NetworkObjective, theta: Tensor, v: Tensor) -> list[Tensor]:
    """All derivatives at θ (p,), v (p,) being the direction where one is asked for."""
    values = [ask(objective.at(theta), name) for name in POINT_QUERIES]
    return [
        *values,
        *(ask(objective.at(theta), name, v) for name in PRODUCTS),
        objective.at(theta).curvature("ggn").form(v[None]),
    ]


def assert_relatively_close(actual: Tensor, expected: Tensor, what: object = "", tolerance: float = 1e-10) -> None:
    assert actual.shape == expected.shape, what
    assert (actual - expected).norm() <= tolerance * expected.norm() + 1e-13, what
