"""Squared, absolute and pseudo-Huber error against torch's own losses and torch.func's derivatives of them."""

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jvp, vmap
from torch.nn.functional import huber_loss, l1_loss, mse_loss
from torch.testing import assert_close

from lightning_modules.objectives.families import AbsoluteError, Gaussian, PointwiseLoss, PseudoHuber, SquaredError

ROWS = 40
LOSSES: dict[str, PointwiseLoss] = {
    "squared1": SquaredError(1),
    "squared3": SquaredError(3),
    "absolute1": AbsoluteError(1),
    "absolute3": AbsoluteError(3),
    "pseudo_huber1": PseudoHuber(1),
    "pseudo_huber3": PseudoHuber(3, delta=2.5),
}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
each_delta = pytest.mark.parametrize("delta", [1e-3, 0.1, 1.0, 30.0])
each_scale = pytest.mark.parametrize("scale", [0.0, 1.0, 50.0])


def sample(loss: PointwiseLoss, scale: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs of about the given size, and checked targets."""
    generator = torch.Generator().manual_seed(seed)
    z, y = torch.randn(2, ROWS, loss.num_outputs, dtype=torch.float64, generator=generator)
    return scale * z, loss.check(y)


def reference(loss: PointwiseLoss, z: Tensor, y: Tensor) -> Tensor:
    """Loss of each row (n,) by torch.nn.functional, or as its definition has it."""
    if isinstance(loss, SquaredError):
        return mse_loss(z, y, reduction="none").sum(1)
    if isinstance(loss, AbsoluteError):
        return l1_loss(z, y, reduction="none").sum(1)
    assert isinstance(loss, PseudoHuber)
    return (loss.delta * (torch.sqrt(1 + ((z - y) / loss.delta) ** 2) - 1)).sum(1)


@each_loss
@each_scale
def test_loss_equals_torchs(loss: PointwiseLoss, scale: float) -> None:
    z, y = sample(loss, scale)
    assert_close(loss.loss(z, y), reference(loss, z, y), rtol=1e-11, atol=1e-14)


@each_loss
@each_scale
def test_derivatives_equal_torch_func(loss: PointwiseLoss, scale: float) -> None:
    z, y = sample(loss, scale)
    v = torch.randn(ROWS, loss.num_outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    row = lambda z, y: reference(loss, z[None], y[None])[0]  # noqa: E731
    curvature, factor = vmap(hessian(row))(z, y), loss.curvature_factor(z, y)
    assert_close(loss.gradient(z, y), vmap(grad(row))(z, y), rtol=1e-10, atol=1e-14)
    assert_close(loss.curvature_product(z, y, v), torch.einsum("njk,nk->nj", curvature, v), rtol=1e-9, atol=1e-13)
    assert_close(torch.einsum("cnj,cnk->njk", factor, factor), curvature, rtol=1e-9, atol=1e-13)
    assert factor.shape[1:] == z.shape


@each_loss
@each_scale
def test_loss_and_gradient_together_are_both(loss: PointwiseLoss, scale: float) -> None:
    z, y = sample(loss, scale)
    assert_close(loss.loss_and_gradient(z, y), (loss.loss(z, y), loss.gradient(z, y)), rtol=1e-13, atol=0)


@each_loss
@each_scale
def test_own_loss_is_differentiable(loss: PointwiseLoss, scale: float) -> None:
    """The defaults of `Objective` differentiate it twice, so its autograd must be right as well."""
    z, y = sample(loss, scale)
    v = torch.randn(ROWS, loss.num_outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    own = vmap(grad(lambda z, y: loss.loss(z[None], y[None])[0]))
    assert_close(own(z, y), loss.gradient(z, y), rtol=1e-10, atol=1e-13)
    assert_close(jvp(lambda z: own(z, y), (z,), (v,))[1], loss.curvature_product(z, y, v), rtol=1e-9, atol=1e-12)


@each_loss
def test_many_vectors_at_once(loss: PointwiseLoss) -> None:
    """(k, n, K): what the sweeps through a network hand over."""
    z, y = sample(loss, 1.0)
    v = torch.randn(5, ROWS, loss.num_outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    one_by_one = torch.stack([loss.curvature_product(z, y, direction) for direction in v])
    assert_close(loss.curvature_product(z, y, v), one_by_one, rtol=0, atol=0)


@each_loss
def test_the_outputs_are_the_prediction(loss: PointwiseLoss) -> None:
    z, _ = sample(loss, 1.0)
    assert loss.mean(z) is z


def test_the_squared_error_is_twice_the_gaussian_loss() -> None:
    z, y = sample(SquaredError(3), 2.0)
    assert_close(SquaredError(3).loss(z, y), 2 * Gaussian(3).loss(z, y))
    assert_close(SquaredError(3).gradient(z, y), 2 * Gaussian(3).gradient(z, y))


def test_the_absolute_error_at_its_kink_has_the_slope_zero() -> None:
    z = torch.tensor([[0.0], [1.0], [-2.0]])
    assert AbsoluteError(1).gradient(z, torch.zeros(3, 1)).tolist() == [[0.0], [1.0], [-1.0]]


def test_what_stands_in_for_the_absolute_error() -> None:
    smoothed = AbsoluteError(3).smoothed()
    assert (type(smoothed), smoothed.num_outputs, smoothed.delta, smoothed.reweighted) == (PseudoHuber, 3, 0.1, True)
    z, y = sample(smoothed, 20.0)
    gap = AbsoluteError(3).loss(z, y) - smoothed.loss(z, y)
    assert (gap > 0).all() and (gap <= 3 * 0.1).all(), "at most δ an output below it"


# -- Pseudo-Huber -------------------------------------------------------------------------------------------------


@each_delta
def test_pseudo_huber_is_a_parabola_near_zero_and_a_line_far_out(delta: float) -> None:
    loss, y = PseudoHuber(1, delta), torch.zeros(1, 1, dtype=torch.float64)
    near, far = (torch.tensor([[size * delta]], dtype=torch.float64) for size in (1e-4, 1e6))
    assert_close(loss.loss(near, y), near[0] ** 2 / (2 * delta), rtol=1e-8, atol=0)
    assert_close(loss.loss(far, y), far[0] - delta, rtol=1e-9, atol=0)
    assert_close(loss.gradient(far, y), torch.ones_like(far), rtol=1e-9, atol=0)


@each_delta
def test_pseudo_huber_lies_between_hubers_loss_and_its_half(delta: float) -> None:
    """A check by torch's own: √(1 + t²) − 1 is between half and all of min(t²/2, |t| − ½)."""
    z = torch.linspace(-5, 5, 101, dtype=torch.float64)[:, None] * delta
    y = torch.zeros_like(z)
    ours, huber = PseudoHuber(1, delta).loss(z, y), huber_loss(z, y, reduction="none", delta=delta)[:, 0] / delta
    assert (ours <= huber + 1e-15).all() and (ours >= 0.5 * huber).all()


@pytest.mark.parametrize("share", [1e-12, 1e-9, 1e-5, 1e-2])
def test_small_residuals_are_relatively_exact(share: float) -> None:
    """δ(√(1 + t²) − 1) as it is defined is 0 from t = 1e-8 down."""
    t = torch.tensor([[share]], dtype=torch.float64)
    expected, tolerance = 0.1 * (t**2 / 2 - t**4 / 8 + t**6 / 16), 1e-8 if share > 1e-3 else 1e-12
    assert_close(PseudoHuber(1, 0.1).loss(0.1 * t, torch.zeros_like(t)), expected[0], rtol=tolerance, atol=0)


@pytest.mark.parametrize("size", [1e10, 1e100, 1e150])
def test_large_residuals_stay_finite(size: float) -> None:
    loss, z = PseudoHuber(1), torch.tensor([[size]], dtype=torch.float64)
    y = torch.zeros_like(z)
    assert_close(loss.loss(z, y), z[0], rtol=1e-6, atol=0)
    assert_close(loss.gradient(z, y), torch.ones_like(z))
    assert torch.isfinite(loss.curvature_product(z, y, z)).all()


@each_delta
@each_scale
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_reweighted_parabola_touches_the_loss_and_lies_above_it(delta: float, scale: float, outputs: int) -> None:
    """q(r) = l(r₀) + c/2 (r² − r₀²), c the reweighted curvature: its vertex is at residual 0."""
    loss = PseudoHuber(outputs, delta, reweighted=True)
    z, y = sample(loss, scale)
    c = loss.curvature_product(z, y, torch.ones_like(z))
    touching = z - y
    for r in (touching, -touching, torch.zeros_like(touching), 10 * touching, touching + delta, touching - 3):
        parabola = loss.loss(z, y) + 0.5 * (c * (r**2 - touching**2)).sum(1)
        value = loss.loss(r + y, y)
        assert (value <= parabola + 1e-12 * (1 + value)).all()
    assert_close(c * touching, loss.gradient(z, y), rtol=1e-12, atol=1e-14)


@each_delta
def test_reweighting_changes_the_curvature_alone_and_only_upwards(delta: float) -> None:
    plain, reweighted = PseudoHuber(2, delta), PseudoHuber(2, delta, reweighted=True)
    z, y = sample(plain, 5.0)
    v = torch.ones_like(z)
    assert torch.equal(plain.loss(z, y), reweighted.loss(z, y))
    assert torch.equal(plain.gradient(z, y), reweighted.gradient(z, y))
    ours, theirs = reweighted.curvature_product(z, y, v), plain.curvature_product(z, y, v)
    assert (ours >= theirs).all()
    s = (1 + ((z - y) / delta) ** 2).sqrt()
    assert_close(ours, theirs * s**2, rtol=1e-10, atol=0)
    factor = reweighted.curvature_factor(z, y)
    assert_close(torch.einsum("cnj,cnk->njk", factor, factor), torch.diag_embed(ours), rtol=1e-12, atol=0)


def test_the_parabola_of_the_exact_curvature_is_not_above_the_loss() -> None:
    """Negative control, and the reason for reweighting: far out its minimiser lies far beyond the target."""
    loss = PseudoHuber(1, 0.1)
    z, y = torch.tensor([[5.0]], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    exact = loss.curvature_product(z, y, torch.ones_like(z))
    newton = z - loss.gradient(z, y) / exact
    assert newton.abs() > 1000 * z
    reweighted = PseudoHuber(1, 0.1, reweighted=True).curvature_product(z, y, torch.ones_like(z))
    assert_close(z - loss.gradient(z, y) / reweighted, y, rtol=0, atol=1e-12)


@pytest.mark.parametrize("delta", [0.0, -0.1, float("nan"), float("inf")])
def test_the_rounded_corner_has_a_width(delta: float) -> None:
    with pytest.raises(ValueError, match=rf"PseudoHuber\(delta={delta}\).*must be a positive number"):
        PseudoHuber(1, delta)


# -- Targets ------------------------------------------------------------------------------------------------------


@each_loss
def test_targets_are_rows_of_real_numbers(loss: PointwiseLoss) -> None:
    k = loss.num_outputs
    y = torch.randn(5, k)
    assert loss.check(y) is y
    assert loss.check(torch.empty(0, k)).shape == (0, k), "a process may hold no rows"
    if k == 1:
        assert torch.equal(loss.check(y[:, 0]), y)
    for bad, cause, remedy in (
        (torch.zeros(5, k, dtype=torch.int64), "class labels", "use LogisticRegression or SoftmaxRegression, or loss='cross_"),
        (torch.zeros(5, 2), rf"shape \(5, 2\).*\(rows, {k}\)", "set its number of outputs to 2"),
        (torch.zeros(5, k, 1), rf"shape \(5, {k}, 1\)", rf"\(rows, {k}\)"),
        (torch.zeros(5, 1, 1), r"shape \(5, 1, 1\)", rf"\(rows, {k}\)"),
        (torch.full((5, k), torch.inf), f"{5 * k} targets are not finite", "remove those rows"),
    ):
        with pytest.raises(ValueError, match=cause) as refusal:
            loss.check(bad)
        refusal.match(remedy)
        assert "\n" not in str(refusal.value)


@each_loss
def test_targets_of_another_precision_follow_the_outputs(loss: PointwiseLoss) -> None:
    z, y = sample(loss, 1.0)
    for quantity in (loss.loss, loss.gradient):
        assert quantity(z.float(), y).dtype == torch.float32
        assert_close(quantity(z, y.float().double()), quantity(z, y.float()), rtol=0, atol=0)
