"""What a module's graph is made of, and what is refused in one line: which layer, why, what to do."""

import operator
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks import ConvNetwork, DenseNetwork, ResidualNetwork
from lightning_modules.objectives import GraphObjective, NetworkObjective, Point, UntraceableError, flattened, traced
from lightning_modules.objectives.families import Categorical
from tests.lightning_modules.objectives.network_cases import assert_relatively_close


class Calls(nn.Module):
    """Two layers, and a function of what is between them."""

    def __init__(self, function: Callable[["Calls", Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 2)
        self.norm, self.drop, self.scale = nn.BatchNorm1d(6), nn.Dropout(), nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.function(self, x)
        return result


def branching(m: Calls, x: Tensor) -> Tensor:
    return m.last(x) if x.sum() > 0 else m.last(-x)


def overwriting(m: Calls, x: Tensor) -> Tensor:
    h = m.first(x)
    return m.last(functional.relu(h, inplace=True) + h)


def viewing(m: Calls, x: Tensor) -> Tensor:
    h = m.first(x)
    before = h.view(-1, 6)
    return m.last(functional.relu(h, inplace=True) + before)


def adding_in_place(m: Calls, x: Tensor) -> Tensor:
    h = m.first(x)
    h += x
    return m.last(h)


REFUSED: dict[str, tuple[Callable[[Calls, Tensor], Tensor], str]] = {
    "a branch on the data": (branching, r"forward of Calls depends on its data .*ModuleObjective"),
    "dropout in training": (lambda m, x: m.last(m.drop(m.first(x))), r"Dropout 'drop' is random in training.*eval\(\)"),
    "dropout by a call": (lambda m, x: m.last(functional.dropout(m.first(x))), r"dropout\(\).*random in training"),
    "batch normalisation in training": (lambda m, x: m.last(m.norm(m.first(x))), r"BatchNorm1d 'norm' normalises by the batch"),
    "a layer used twice": (lambda m, x: m.last(m.first(m.first(x))), r"'first.weight' is used in two places, by 'first'"),
    "an in-place function, of whose input a view is read again": (viewing, r"works in place.*read again.*inplace=False"),
    "a function of all rows": (lambda m, x: m.last(m.first(x) - m.first(x).mean(0)), r"two places|mean\(\)"),
    "a softmax over rows": (lambda m, x: m.last(torch.softmax(m.first(x), dim=0)), r"softmax\(\).*not known to take each row"),
    "a sorting": (lambda m, x: m.last(torch.sort(m.first(x))[0]), r"sort\(\)|not known"),
    "a second output": (lambda m, x: (m.last(x), x), r"returns something else"),  # type: ignore[arg-type,return-value]
    "sizes of rows": (lambda m, x: m.last(m.first(x)) * x.shape[1], r"asks for the size of rows|mul\(\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_curvature_layer_by_layer_is_refused_in_one_line(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(UntraceableError, match=message) as refusal:
        traced(Calls(function))
    assert "\n" not in str(refusal.value)


def test_frozen_modes_are_taken() -> None:
    module = Calls(lambda m, x: m.last(m.drop(m.norm(m.first(x))))).eval()
    x, y = torch.randn(4, 6, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    objective, theta = GraphObjective(module.double(), Categorical(2), x, y), flattened(list(module.parameters()))
    assert_relatively_close(objective.at(theta).gradient, Point(objective, theta).gradient)


TAKEN: dict[str, Callable[[Calls, Tensor], Tensor]] = {
    "an in-place function whose input is not read again": lambda m, x: m.last(functional.relu_(m.first(x))),
    "an in-place function whose input is read again": overwriting,
    "a sum in place": adding_in_place,
    "a skip": lambda m, x: m.last(m.first(x) + x),
    "numbers on either side": lambda m, x: m.last(1 - 2 * m.first(x) / 3),
    "a parameter of the module's own": lambda m, x: m.last(torch.tanh(m.first(x)) * m.scale),
    "the number of rows": lambda m, x: m.last(m.first(x).view(x.shape[0], 2, 3).reshape(x.size(0), -1)),
    "the length of the rows": lambda m, x: m.last(m.first(x).view(len(x), -1) * len([1, 2])),
    "flat in any way": lambda m, x: m.last(torch.flatten(m.first(x).unsqueeze(1), 1)),
    "a mean over positions": lambda m, x: m.last(m.first(x)[:, None].mean(dim=1)),
    "buffers": lambda m, x: m.last((m.first(x - m.norm.running_mean) * m.norm.running_var).sub(m.norm.running_mean)),
    "constants made of buffers": lambda m, x: m.last(m.first(x) / torch.sqrt(m.norm.running_var + 3.0)),
    "a buffer over a value": lambda m, x: m.last(m.norm.running_var / (2 + torch.sigmoid(m.first(x)))),
    "a power": lambda m, x: m.last(operator.pow(m.first(x), 2)),
    "methods": lambda m, x: m.last(m.first(x).sigmoid().clamp(min=0.4)),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_forward_calls_has_the_derivatives_of_automatic_differentiation(name: str) -> None:
    torch.manual_seed(0)
    module = Calls(TAKEN[name]).double()
    x, y = torch.randn(5, 6, dtype=torch.float64), torch.randint(0, 2, (5,))
    objective, theta = GraphObjective(module, Categorical(2), x, y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    outputs = module(x.clone())
    assert_relatively_close(objective.value(theta), functional.cross_entropy(outputs, y), name, 1e-12)
    assert_relatively_close(ours.gradient, oracle.gradient, name)
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal(), name)


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8, 2))
    before = {name: parameter.clone() for name, parameter in module.named_parameters()}
    graph = traced(module)
    objective = GraphObjective(graph, Categorical(2), torch.randn(3, 1, 4, 4), torch.tensor([0, 1, 1]))
    objective.at(torch.randn(graph.size)).curvature("ggn").diagonal()
    assert module[1].inplace and all(torch.equal(before[name], now) for name, now in module.named_parameters())


def test_pythons_len_is_what_it_was() -> None:
    before = dict(globals())
    traced(Calls(TAKEN["the length of the rows"]))
    assert dict(globals()) == before and len([1, 2]) == 2


def test_a_hook_is_refused_because_it_may_change_what_a_layer_computes() -> None:
    module = nn.Sequential(nn.Linear(3, 2))
    module[0].register_forward_hook(lambda *_: None)
    with pytest.raises(UntraceableError, match="Linear '0' has a forward hook"):
        traced(module)


def test_tied_weights_are_refused_by_name() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    module[2].weight = module[0].weight
    with pytest.raises(UntraceableError, match=r"'0.weight' is used in two places, by '0' and '2'"):
        traced(module)


@pytest.mark.parametrize(
    ("module", "row", "message"),
    [
        (nn.Sequential(nn.Linear(4, 2)), (3,), r"rows of shape \(3,\) do not fit Sequential"),
        (nn.Sequential(nn.Linear(3, 5)), (3,), r"outputs of shape \(5,\) of a row of shape \(3,\), the loss takes \(2,\)"),
        (nn.Sequential(nn.Conv2d(1, 2, 3)), (1, 4, 4), r"outputs of shape \(2, 2, 2\).*make its last layer give 2 numbers"),
        (nn.Sequential(nn.Flatten()), (3,), r"Sequential has no parameters"),
        (nn.Sequential(nn.Linear(3, 2), nn.RMSNorm(0)), (3,), r"RMSNorm '1' has weights of no numbers: give it a width"),
    ],
)
def test_rows_and_layers_that_do_not_fit_are_refused(module: nn.Module, row: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GraphObjective(module, Categorical(2), torch.zeros(4, *row), torch.tensor([0, 1, 0, 1]))


@pytest.mark.parametrize("length", [3, 15, 17])
def test_parameters_of_another_length_are_refused(length: int) -> None:
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 0, 1])
    objectives = [
        GraphObjective(nn.Linear(3, 4), Categorical(4), x, y),
        NetworkObjective(DenseNetwork([3, 4]), Categorical(4), x, y),
    ]
    for objective in objectives:
        with pytest.raises(ValueError, match=rf"θ has shape \({length},\), the network 16 parameters"):
            objective.at(torch.zeros(length))


@pytest.mark.parametrize("network", [DenseNetwork([4, 5, 5, 3], "tanh"), ResidualNetwork([4, 5, 5, 3], "softplus")])
def test_a_dense_networks_own_sweeps_are_those_of_its_graph(network: DenseNetwork) -> None:
    """The faster path beside the plain one."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.activation = nn.ModuleList(network.layers), network.activation

        def forward(self, x: Tensor) -> Tensor:
            *hidden, last = self.layers
            for layer, skip in zip(hidden, network.skips, strict=True):
                h = self.activation(layer(x))
                x = h + x if skip else h
            result: Tensor = last(x)
            return result

    network.double()
    x, y = torch.randn(6, 4, dtype=torch.float64), torch.randint(0, 3, (6,))
    theta = flattened(list(network.parameters()))
    fast = NetworkObjective(network, Categorical(3), x, y, 0.1).at(theta)
    plain = GraphObjective(Plain(), Categorical(3), x, y, 0.1).at(theta)
    assert_relatively_close(fast.gradient, plain.gradient)
    for kind in ("ggn", "hessian"):
        assert_relatively_close(fast.curvature(kind).diagonal(), plain.curvature(kind).diagonal(), kind)


def test_the_convolutional_network_is_one_of_known_layers() -> None:
    graph = traced(ConvNetwork((12, 12), channels=(2, 3), hidden=(5,), num_outputs=4))
    assert len([node for node in graph.nodes if node.slots]) == 4
    assert re.fullmatch(r"ConvNetwork", graph.name)


class LookedUp(nn.Module):
    """Token ids that come as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(7, 3), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.table(x.long()).flatten(1))
        return result


def test_features_may_be_looked_up() -> None:
    torch.manual_seed(0)
    module = LookedUp().double()
    x, y = torch.randint(7, (9, 4)).double(), torch.randint(2, (9,))
    objective, theta = GraphObjective(module, Categorical(2), x, y), flattened(list(module.parameters()))
    ours, oracle = objective.at(theta), Point(objective, theta)
    torch.testing.assert_close(ours.value, functional.cross_entropy(module(x), y))
    assert_relatively_close(ours.gradient, oracle.gradient, "looked up")
    assert_relatively_close(ours.curvature("ggn").diagonal(), oracle.curvature("ggn").diagonal(), "looked up")
    with pytest.raises(UntraceableError, match=r"long\(\)"):
        traced(Calls(lambda m, x: m.last(m.first(x).long())))
