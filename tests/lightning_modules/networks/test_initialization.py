"""Bounds of the weights in closed form, what they are good for, refusals."""

from math import sqrt

import pytest
import torch
from jsonargparse import ArgumentParser
from torch import nn

from lightning_modules.networks import DenseNetwork, initialize

# A hidden layer and an output layer, (outputs, inputs), with enough weights to come near their bound.
SHAPES = ((400, 200), (100, 400))
BOUNDS = {
    "xavier_uniform": (sqrt(6 / 600), sqrt(6 / 500)),
    "xavier_half": (sqrt(0.5 / 600), sqrt(0.5 / 500)),
    "kaiming_uniform": (sqrt(6 / 200), sqrt(6 / 500)),
    0.07: (0.07, 0.07),
    2: (2.0, 2.0),
}


def drawn(initialization: float | str, seed: int = 0) -> list[nn.Linear]:
    torch.manual_seed(seed)
    layers = [nn.Linear(before, after) for after, before in SHAPES]
    initialize(layers, initialization)
    return layers


@pytest.mark.parametrize("initialization", BOUNDS, ids=str)
def test_weights_fill_their_bounds_and_biases_are_0(initialization: float | str) -> None:
    for layer, bound in zip(drawn(initialization), BOUNDS[initialization], strict=True):
        assert 0.999 * bound < layer.weight.abs().max() <= bound * (1 + 1e-6)
        assert layer.weight.std().item() == pytest.approx(bound / sqrt(3), rel=0.01)
        assert layer.weight.mean().item() == pytest.approx(0, abs=0.02 * bound)
        assert (layer.bias == 0).all()
        assert layer.weight.requires_grad and layer.weight.is_leaf


def test_a_seed_repeats_the_weights() -> None:
    first, again, other = (drawn("xavier_uniform", seed)[0].weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_half_variant_is_xavier_scaled() -> None:
    for xavier, half in zip(drawn("xavier_uniform"), drawn("xavier_half"), strict=True):
        torch.testing.assert_close(xavier.weight, half.weight * sqrt(12))


def test_kaiming_keeps_signals_through_relu_and_xavier_does_not() -> None:
    """The property it is made for: E z² is the same in every layer; Xavier halves it in layers of equal widths."""
    torch.manual_seed(0)
    x, widths = torch.randn(500, 300), [300] * 11
    for initialization, factor in (("kaiming_uniform", 1.0), ("xavier_uniform", 0.5)):
        network = DenseNetwork(widths, "relu", initialization)
        z = [network.layers[0](x)]
        for layer in network.layers[1:-1]:
            z.append(layer(torch.relu(z[-1])))
        ratio = (z[-1].square().mean() / z[0].square().mean()).item() ** (1 / (len(z) - 1))
        assert ratio == pytest.approx(factor, rel=0.06)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"no initialization 'xavier' \(did you mean xavier_half\?\); choose among .*a number d"
    ):
        drawn("xavier")


@pytest.mark.parametrize("d", [0, -0.1, float("nan"), float("inf")])
def test_a_bound_is_positive_and_finite(d: float) -> None:
    with pytest.raises(ValueError, match=f"initialization={d}: .*positive d, finite") as refusal:
        drawn(d)
    assert "\n" not in str(refusal.value)


def test_a_refusal_leaves_the_weights_alone() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.clone()
    with pytest.raises(ValueError, match="there is no initialization"):
        initialize([layer], "nonsense")
    assert torch.equal(layer.weight, before)


def test_a_number_on_the_command_line_is_a_number() -> None:
    """The order of the types decides: `str | float` would read 0.1 as a name."""
    parser = ArgumentParser()
    parser.add_class_arguments(DenseNetwork, "network")
    for text, value in (("0.1", 0.1), ("xavier_half", "xavier_half")):
        options = parser.parse_args(["--network.widths=[3, 2]", f"--network.initialization={text}"])
        assert options.network.initialization == value
