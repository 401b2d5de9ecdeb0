"""The probe is scikit-learn's logistic regression, to its last digits."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from lightning_modules.linear.linear_probe import PENALTIES, LinearProbe, fit_probe

Labelled = tuple[Tensor, Tensor]


def digits() -> tuple[Labelled, Labelled, Labelled]:
    """Training, validation and test rows; some of the 64 pixels are 0 in all of them."""
    features, labels = map(torch.from_numpy, load_digits(return_X_y=True))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    train, val, test = order.split([1000, 300, 497])
    return (features[train], labels[train]), (features[val], labels[val]), (features[test], labels[test])


def reference(train: Labelled, l2: float) -> tuple[StandardScaler, LogisticRegression, float]:
    """scikit-learn's solution and the objective's value there."""
    (x, y), scaler = (part.numpy() for part in train), StandardScaler()
    x = scaler.fit_transform(x)
    peer = LogisticRegression(C=1 / (l2 * len(y)), tol=1e-12, max_iter=10_000, solver="newton-cg").fit(x, y)
    losses = -peer.predict_log_proba(x)[np.arange(len(y)), y]
    return scaler, peer, float(losses.mean() + l2 / 2 * np.square(peer.coef_).sum())


@pytest.mark.parametrize("l2", [1e-1, 1e-3])
def test_training_loss_and_predictions_are_those_of_scikit_learn(l2: float) -> None:
    train, val, test = digits()
    probe = fit_probe(train, val, 10, [l2])
    scaler, peer, expected = reference(train, l2)
    assert probe.converged
    assert probe.train_objective == pytest.approx(expected, rel=1e-8)
    assert probe.train_objective <= expected * (1 + 1e-12), "the minimum is not above another's"
    np.testing.assert_array_equal(probe(test[0]).argmax(1).numpy(), peer.predict(scaler.transform(test[0].numpy())))


def test_the_penalty_is_the_best_on_validation_and_the_test_set_is_not_asked() -> None:
    train, val, _ = digits()
    probe = fit_probe(train, val, 10)
    losses = list(probe.val_losses.values())
    assert list(probe.val_losses) == list(PENALTIES)[: len(losses)]
    assert losses[:-1] == sorted(losses[:-1], reverse=True), "each tried was better than the one before, but for the last"
    assert probe.l2 == min(probe.val_losses, key=probe.val_losses.__getitem__)
    alone = fit_probe(train, val, 10, [probe.l2])
    torch.testing.assert_close(probe.weight, alone.weight, rtol=0, atol=1e-6)
    assert probe.train_objective == pytest.approx(alone.train_objective, rel=1e-9)


def test_features_in_other_units_change_nothing() -> None:
    train, val, test = digits()
    scale = torch.logspace(-3, 3, 64, dtype=torch.float64)

    def moved(x: Tensor) -> Tensor:
        return x * scale + 5

    here = fit_probe(train, val, 10, [1e-2])(test[0])
    there = fit_probe((moved(train[0]), train[1]), (moved(val[0]), val[1]), 10, [1e-2])(moved(test[0]))
    torch.testing.assert_close(here, there, rtol=0, atol=1e-5)


def test_it_draws_no_random_number_and_works_in_inference_mode_and_single_precision() -> None:
    train, val, test = digits()
    state = torch.random.get_rng_state()
    expected = fit_probe(train, val, 10, [1e-2])
    with torch.inference_mode():
        found: LinearProbe = fit_probe((train[0].float(), train[1]), (val[0].float(), val[1]), 10, [1e-2])
        assert found(test[0].float()).dtype == torch.float32
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(found.weight, expected.weight)
    assert not found.weight.is_inference()


def test_bad_input_is_refused() -> None:
    train, val, _ = digits()
    with pytest.raises(ValueError, match=r"l2=\[0.0\].*all > 0"):
        fit_probe(train, val, 10, [0.0])
    with pytest.raises(ValueError, match="largest first"):
        fit_probe(train, val, 10, [1e-3, 1e-2])
    with pytest.raises(ValueError, match="there are none: set val_fraction above 0"):
        fit_probe(train, (val[0][:0], val[1][:0]), 10)
