"""A layer's matrix is read and written by slices where it can be, and is the same."""

import pytest
import torch
from torch import Tensor

from lightning_modules.solvers.layer_places import LayerPlaces

WITH_BIAS = torch.cat([torch.arange(7, 19).view(1, 3, 4), torch.arange(25, 28).view(1, 3, 1)], 2)
CASES = {
    "W and b": WITH_BIAS,
    "W alone": torch.arange(5, 17).view(1, 3, 4),
    "one unit": torch.arange(5, 9).view(1, 1, 4),
    "transposed": torch.arange(12).view(1, 4, 3).mT,
    "columns turned": WITH_BIAS.flip(2),
    "groups": torch.arange(24).view(2, 3, 4),
    "bias between": torch.tensor([[[0, 1, 2], [3, 4, 5]]]),
    "b turned": torch.cat([torch.arange(6).view(1, 3, 2), torch.tensor([8, 7, 6]).view(1, 3, 1)], 2),
}


@pytest.mark.parametrize("places", CASES.values(), ids=CASES)
def test_it_is_what_indices_say(places: Tensor) -> None:
    v, result = torch.randn(40), torch.zeros(40)
    where = LayerPlaces(places)
    torch.testing.assert_close(where.of(v), v[places], rtol=0, atol=0)
    where.put(result, v[places])
    expected = torch.zeros(40)
    expected[places] = v[places]
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


def test_a_dense_layer_is_two_slices() -> None:
    assert [piece for _, piece in LayerPlaces(WITH_BIAS)._pieces] == [slice(7, 19), slice(25, 28)]
    assert [piece for _, piece in LayerPlaces(CASES["W alone"])._pieces] == [slice(5, 17)]
    assert not LayerPlaces(CASES["transposed"])._pieces
