"""The systems hold numbers against what they should: each tells its object from a wrong one."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from systems import Context, chain, first_order_methods, jacobians, least_squares, residual_backpropagation
from systems.comparisons import QUICK_EPOCHS, comparison_of
from torch.optim import SGD, Adam

from lightning_modules.networks import DenseNetwork


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path, tmp_path, quick=False, long=False, tell=lambda step: None, paused=lambda: pytest.fail("no bar"))


def test_a_network_without_its_skips_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unskipped(residual_backpropagation.ResidualNetwork):
        """Its own forward pass leaves the skips out."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(DenseNetwork(self.widths, "tanh").double(), dict(self.named_parameters()), (x,))

    assert residual_backpropagation.difference("tanh", 2) < 1e-12
    monkeypatch.setattr(residual_backpropagation, "ResidualNetwork", Unskipped)
    assert residual_backpropagation.difference("tanh", 2) > 1e-2


def test_the_published_slips_of_the_chain_would_fail(context: Context) -> None:
    claims = {claim.name: claim for claim in chain.run(context).claims}
    for name, wrong in (("∂²L/∂w2∂w4", 2.449), ("∂²L/∂w4∂w4", 0.0004)):
        assert claims[name].ok
        assert not claims[name].expected.met(wrong)


def test_other_methods_than_the_published_ones_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    network = DenseNetwork(first_order_methods.WIDTHS, "tanh")
    rows = first_order_methods.classes(20, first_order_methods.WIDTHS)
    objective = first_order_methods.NetworkObjective(network, first_order_methods.Categorical(3), *rows)
    start = first_order_methods.parameters(network)
    assert first_order_methods.nesterov(objective, start).ok
    assert first_order_methods.adam(objective, start).ok

    class PlainMomentum(SGD):
        def __init__(self, params: Any, lr: float, momentum: float, nesterov: bool) -> None:
            super().__init__(params, lr, momentum)

    class CorrectedTwice(Adam):
        """10 g over √1000 |g| at the first step."""

        def __init__(self, params: Any, lr: float, eps: float) -> None:
            super().__init__(params, lr * 10 / math.sqrt(1000), eps=eps)

    monkeypatch.setattr(torch.optim, "SGD", PlainMomentum)
    monkeypatch.setattr(torch.optim, "Adam", CorrectedTwice)
    assert not first_order_methods.nesterov(objective, start).ok
    assert not first_order_methods.adam(objective, start).ok


def test_another_step_size_leaves_the_closed_form() -> None:
    problem = least_squares.make_problem()
    alpha = 1 / problem.largest
    start = torch.full((8,), least_squares.START, dtype=torch.float64)
    right, wrong = (least_squares.closed_form(problem, start, step, 5) for step in (alpha, 1.001 * alpha))
    optimizer = least_squares.partial(least_squares.GradientDescent, lr=alpha * least_squares.ROWS)
    taken = least_squares.iterates(problem, optimizer, 4)
    torch.testing.assert_close(taken, right, rtol=1e-12, atol=1e-12)
    assert (taken - wrong).abs().max() > 1e-4


def test_the_crossover_lies_between_the_measured_outputs() -> None:
    """Forward takes 1 ms, reverse P/8 of it: they meet at 8."""
    times = {(jacobians.DEPTH, p): {"forward": [1.0], "reverse": [p / 8]} for p in (1, 4, 16, 64)}
    assert jacobians.crossover(times) == pytest.approx(8)
    assert math.isnan(jacobians.crossover(dict(list(times.items())[:2]))), "not measured so far"


def test_a_comparison_is_shortened_only_if_it_is_quick(context: Context) -> None:
    whole = comparison_of(context, "mnist_mlp")
    assert (len(whole["seeds"]), whole["methods"]["Adam"]["max_epochs"]) == (5, 6)
    assert "limit_train_batches" not in whole["trainer"]
    short = comparison_of(Context(context.data_dir, context.output, True, False, context.tell, context.paused), "mnist_mlp")
    assert (len(short["seeds"]), short["methods"]["Adam"]["max_epochs"]) == (1, QUICK_EPOCHS)
    assert len(short["methods"]["Adam"]["tune"]["optimizer.lr"]) == 1
    assert short["data"]["init_args"]["data_dir"] == str(context.data_dir)
