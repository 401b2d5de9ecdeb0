"""A batch with weights reaches only models whose loss takes them."""

from inspect import isabstract

import pytest
import torch
from torch import Tensor

from lightning_modules import MLP, LinearRegression, linear
from lightning_modules.linear import GeneralizedLinearModel
from lightning_modules.objectives import Objective
from lightning_modules.optimizers import Newton
from lightning_modules.training import Batch, Rows, as_rows
from lightning_modules.training.weighted_rows import takes_weights
from tests.row_data import RowData
from tests.training import make_trainer

X, Y, WEIGHTS = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.ones(6)


def test_rows_are_features_targets_and_weights_where_there_are_some() -> None:
    assert as_rows((X, Y)) == Rows(X, Y, None)
    assert as_rows((X, Y, WEIGHTS)).weights is WEIGHTS
    views = as_rows((X, X + 1, X + 2, Y))
    assert views.weights is None and len(views.features) == len(views.targets) == 2 * len(Y)


class Weighted(LinearRegression):
    takes_weights = True


class OwnLoss(Weighted):
    """Says nothing of weights, and its loss is its own: it may leave them out."""

    def objective(self, batch: Batch) -> Objective:
        return super().objective(batch)  # type: ignore[return-value]


def test_who_says_the_loss_says_too_whether_it_takes_weights() -> None:
    assert takes_weights(Weighted(3, optimizer=Newton))
    assert not takes_weights(OwnLoss(3, optimizer=Newton))
    assert not takes_weights(MLP((3, 3), optimizer=Newton))


@pytest.mark.parametrize("method", [Newton, torch.optim.SGD])
def test_weights_are_not_left_out_without_a_word(method: type) -> None:
    model = MLP((3, 3), optimizer=method)
    for refuse in (model.check_data, model.objective, model.loss_share, fitted_with(model)):
        with pytest.raises(ValueError, match=r"MLP takes no weights of rows.*leave weights and class_weight out") as refusal:
            refuse((X, Y, WEIGHTS))
        assert "\n" not in str(refusal.value)


def fitted_with(model: MLP):  # type: ignore[no-untyped-def]
    def fit(batch: tuple[Tensor, ...]) -> None:
        make_trainer(1, limit_val_batches=0).fit(model, RowData(*batch))

    return fit


def test_an_offset_is_not_taken_for_a_feature() -> None:
    data = RowData(X, Y)
    data.has_offset = True  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"MLP takes no offset, and the data have one: leave offset and exposure out"):
        make_trainer(1).fit(MLP((3, 3), optimizer=Newton), data)


@pytest.mark.parametrize("name", linear.__all__)
def test_every_linear_model_takes_weights(name: str) -> None:
    """One that says its loss or its step anew has to say that anew."""
    model = getattr(linear, name)
    if isinstance(model, type) and issubclass(model, GeneralizedLinearModel) and not isabstract(model):
        assert takes_weights(model.__new__(model))
