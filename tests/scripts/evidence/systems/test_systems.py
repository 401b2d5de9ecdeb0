"""The systems hold numbers against what they should: each tells its object from a wrong one."""

import math
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing.divergence import DivergedError
from evidence.systems import (
    Context,
    breast_cancer,
    chain,
    first_order_methods,
    jacobians,
    least_squares,
    residual_backpropagation,
    wide_network,
)
from evidence.systems.comparisons import QUICK_EPOCHS, comparison_of
from torch.optim import SGD, Adam

from lightning_modules.networks import DenseNetwork
from tests.idx_files import write_mnist


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        tmp_path, tmp_path, quick=False, long=False, show_step=lambda step: None, paused=lambda: pytest.fail("no bar")
    )


def test_a_network_without_its_skips_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unskipped(residual_backpropagation.ResidualNetwork):
        """Its own forward pass leaves the skips out."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(DenseNetwork(self.widths, "tanh").double(), dict(self.named_parameters()), (x,))

    assert residual_backpropagation.difference("tanh", 2) < 1e-12
    monkeypatch.setattr(residual_backpropagation, "ResidualNetwork", Unskipped)
    assert residual_backpropagation.difference("tanh", 2) > 1e-2


def test_the_published_slips_of_the_chain_would_fail(context: Context) -> None:
    claims = {claim.name: claim for claim in chain.compare_chain_derivatives(context).claims}
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


@pytest.mark.slow
def test_the_largest_step_size_of_s10_may_diverge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Context) -> None:
    """It does on all of MNIST (lr 1.0), where its study once stopped the system; here a larger one does within a step."""
    write_mnist(tmp_path)
    comparison = comparison_of(replace(context, quick=True), "mnist_sweeps")
    comparison["methods"][wide_network.LARGEST]["optimizer"]["init_args"]["lr"] = 1e30
    monkeypatch.setattr(wide_network, "comparison_of", lambda *_: comparison)
    monkeypatch.setattr(wide_network, "SHORT", {label: wide_network.SHORT[label] for label in wide_network.POINTS})
    outcome = wide_network.sweep_settings(replace(context, quick=True))
    assert [claim.ok for claim in outcome.claims] == [True]
    assert re.fullmatch(r"lr 1\.0: it diverged \(the loss is \w+ at step \d\)\.", outcome.remarks[0])
    assert [remark.partition(":")[0] for remark in outcome.remarks[1:]] == list(wide_network.POINTS)


def test_a_system_that_needs_a_number_of_a_method_that_diverged_is_told_which(
    monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    comparison = comparison_of(replace(context, quick=True), "breast_cancer")
    comparison["methods"]["gradient descent"]["optimizer"]["init_args"]["lr"] = 1e308
    monkeypatch.setattr(breast_cancer, "comparison_of", lambda *_: comparison)
    with pytest.raises(DivergedError, match=r"^gradient descent: it diverged \(the loss is \w+ at step \d\)$"):
        breast_cancer.compare_three_methods(replace(context, quick=True, paused=nullcontext))


def test_a_comparison_is_shortened_only_if_it_is_quick(context: Context) -> None:
    whole = comparison_of(context, "mnist_mlp")
    assert (len(whole["seeds"]), whole["methods"]["Adam"]["max_epochs"]) == (5, 6)
    assert "limit_train_batches" not in whole["trainer"]
    short = comparison_of(
        Context(context.data_dir, context.output, True, False, context.show_step, context.paused), "mnist_mlp"
    )
    assert (len(short["seeds"]), short["methods"]["Adam"]["max_epochs"]) == (1, QUICK_EPOCHS)
    assert len(short["methods"]["Adam"]["tune"]["optimizer.lr"]) == 1
    assert short["data"]["init_args"]["data_dir"] == str(context.data_dir)
