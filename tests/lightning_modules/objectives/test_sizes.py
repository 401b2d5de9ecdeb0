"""What a `forward` may ask of the sizes of its values: everything but the number of rows."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules import ArrayDataModule
from lightning_modules import TorchModel
from lightning_modules.objectives import GraphObjective, Point, UntraceableError, flattened, traced
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.graphs import Graph
from lightning_modules.optimizers import KroneckerNewton
from tests.lightning_modules.objectives.network_cases import assert_relatively_close
from tests.training import make_trainer


class Asks(nn.Module):
    """Rows (4, 6), and a layer on either side of what asks."""

    def __init__(self, how: Callable[["Asks", Tensor], Tensor]) -> None:
        super().__init__()
        self.how, self.first, self.last = how, nn.Linear(6, 6), nn.Linear(24, 2)
        self.places = nn.Parameter(torch.randn(1, 4, 6))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(torch.tanh(self.how(self, self.first(x))).flatten(1))
        return result


def unpacked(m: Asks, x: Tensor) -> Tensor:
    rows, length, width = x.shape
    return x.view(rows, length, 2, width // 2).transpose(1, 2).reshape(rows, 2, -1)


def attended(m: Asks, x: Tensor) -> Tensor:
    rows, length, width = x.size()
    heads = x.view(rows, length, 3, width // 3).transpose(1, 2)
    weights = torch.softmax(heads @ heads.transpose(-2, -1) * (1.0 / heads.size(-1) ** 0.5), dim=-1)
    return (weights @ heads).transpose(1, 2).reshape(rows, length, width)


TAKEN: dict[str, Callable[[Asks, Tensor], Tensor]] = {
    "unpacked": unpacked,
    "attention": attended,
    "from behind": lambda m, x: x.reshape(x.shape[0], x.shape[-1], x.size(-2)),
    "a slice": lambda m, x: x.reshape(-1, x.shape[1:][0] * x.shape[1:][1]),
    "dimensions": lambda m, x: x.flatten(x.ndim - 2) * x.dim(),
    "a number": lambda m, x: x / x.shape[2],
    "a whole parameter": lambda m, x: x + m.places[:, : x.shape[1]],
    "a branch on a size": lambda m, x: x if x.shape[1] > 3 else x.no_such_method(),
    "a constant of all sizes": lambda m, x: x + torch.ones(x.shape),
    "a shape as it is": lambda m, x: x.flatten(1).reshape(x.shape),
    "a loop over positions": lambda m, x: torch.stack([x[:, i] * i for i in range(x.shape[1])], dim=1),
    "rows and positions together": lambda m, x: torch.relu(x.view(x.shape[0] * x.shape[1], -1)).view(x.shape),
    "a part of a parameter": lambda m, x: x + m.places[:, : x.shape[1] - 1].mean(1),
    "a constant of a size": lambda m, x: x * torch.arange(x.shape[2], device=x.device),
}


def made(how: Callable[[Asks, Tensor], Tensor]) -> Asks:
    torch.manual_seed(0)
    return Asks(how).double()


@pytest.mark.parametrize("name", TAKEN)
def test_sizes_are_those_of_the_rows(name: str) -> None:
    module = made(TAKEN[name])
    x, y = torch.randn(5, 4, 6, dtype=torch.float64), torch.randint(0, 2, (5,))
    objective, theta = GraphObjective(module, Categorical(2), x, y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    assert_relatively_close(objective.value(theta), functional.cross_entropy(module(x), y), name, 1e-12)
    assert_relatively_close(ours.gradient, oracle.gradient, name)
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal(), name)


def test_a_graph_of_rows_of_one_shape_takes_no_others() -> None:
    module = made(unpacked)
    graph = traced(module, torch.zeros(1, 4, 6))
    assert graph.row_shape == (4, 6) and traced(module.first, torch.zeros(1, 4, 6)).row_shape is None
    with pytest.raises(ValueError, match=r"Asks was followed on rows of shape \(4, 6\), not \(6, 4\): follow it anew"):
        GraphObjective(graph, Categorical(2), torch.zeros(3, 6, 4), torch.tensor([0, 1, 1]))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda m, x: x * x.shape[0], r"mul\(\) in the forward of Asks does not take each row by itself"),
        (lambda m, x: x.view(x.shape[0] * x.shape[1], -1), r"Linear\(\) in the forward of Asks fails on rows of numbers"),
        (lambda m, x: x if x.sum() > 3 else -x, r"depends on its data"),
        (lambda m, x: x if x.shape[0] > 3 else -x, r"depends on its data"),
    ],
)
def test_the_number_of_rows_stays_open(how: Callable[[Asks, Tensor], Tensor], message: str) -> None:
    with pytest.raises(UntraceableError, match=message):
        traced(made(how), torch.zeros(1, 4, 6))


def test_without_rows_there_are_no_sizes() -> None:
    with pytest.raises(UntraceableError, match="asks for the size of rows, which are not there yet"):
        traced(made(unpacked))


def test_a_model_follows_its_module_on_rows_of_its_shape(caplog: pytest.LogCaptureFixture) -> None:
    """Kronecker factors are refused where a module cannot be followed."""
    torch.manual_seed(0)
    data = ArrayDataModule(torch.randn(60, 24).numpy(), torch.randint(0, 2, (60,)).numpy(), batch_size=20)
    model = TorchModel(made(attended).float(), input_shape=(4, 6), optimizer=KroneckerNewton)
    make_trainer(1).fit(model, data)
    assert "automatic differentiation" not in caplog.text
    shapes = (4, 6), (2, 12)
    graphs = [model.graph(torch.zeros(2, *shape)) for shape in shapes]
    assert isinstance(graphs[0], Graph) and graphs[0].row_shape == (4, 6)
    assert graphs[1] is not graphs[0] and model.graph(torch.zeros(2, 4, 6)) is graphs[0]
    pooled = nn.Sequential(nn.Conv1d(4, 2, 1), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    other = TorchModel(pooled, num_outputs=2, optimizer=KroneckerNewton)
    assert other.graph(torch.zeros(2, 4, 6)) is other.graph(torch.zeros(2, 4, 9)), "without sizes one graph is of all shapes"
