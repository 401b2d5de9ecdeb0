"""The flat vector of parameters is torch's, without its history and memory."""

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from lightning_modules.objectives import flattened


def test_the_layout_is_torchs() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1, bias=False))
    theta = flattened(network.parameters())
    assert torch.equal(theta, parameters_to_vector(network.parameters()))
    assert not theta.requires_grad


def test_the_vector_is_a_copy_even_of_a_single_parameter() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    flattened([parameter]).add_(1)
    assert not parameter.any()
