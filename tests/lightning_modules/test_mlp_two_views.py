"""Networks on two views of each image."""

import pytest
import torch

from lightning_modules import MLP
from tests.lightning_modules.networks_at_hand import ADAM, theta_of
from tests.training import METHODS, make_trainer
from tests.two_view_data import TinyTwoViews


def test_both_views_are_training_rows_and_the_original_is_not() -> None:
    data, model = TinyTwoViews(), MLP((64, 5, 10), optimizer=ADAM)
    labels = data.labels[data.rows["train"]]
    original = torch.full_like(data.views[0], torch.nan)
    theta = theta_of(model)
    two_views = model.objective((original, *data.views, labels))
    rows = torch.cat([view.flatten(1) for view in data.views])
    plain = model.objective((rows, torch.cat([labels, labels])))
    assert two_views.num_rows == 2 * len(labels)
    assert torch.equal(two_views.value(theta), plain.value(theta))
    assert torch.equal(two_views.at(theta).gradient, plain.at(theta).gradient)


@pytest.mark.parametrize("method", ["newton_cg", "diagonal_newton", "adam"])
def test_a_network_trains_on_two_views_and_is_tested_on_plain_images(method: str) -> None:
    torch.manual_seed(0)
    data, model = TinyTwoViews(), MLP((64, 8, 10), "tanh", l2=1e-3, optimizer=METHODS[method])
    labels = data.labels[data.rows["train"]]
    objective = model.objective((data.views[0], *data.views, labels))
    before, trainer = float(objective.value(theta_of(model))), make_trainer(12)
    trainer.fit(model, data)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert trainer.global_step == 12 * 4
    assert float(objective.value(theta_of(model))) < 0.8 * before
    assert metrics["test/accuracy"] > 0.2, "twice as good as chance"
