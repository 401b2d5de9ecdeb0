"""Pointwise losses against torch's own losses and torch.func's derivatives of them."""

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jvp, vmap
from torch.testing import assert_close

from lightning_modules.objectives.families import Bernoulli, Categorical, Family, Gaussian
from tests.lightning_modules.objectives.cases import FAMILIES, random_targets, torch_losses

ROWS = 40
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
each_scale = pytest.mark.parametrize("scale", [0.0, 1.0, 10.0, 50.0])


def sample(family: Family, scale: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictors of about the given size, and checked targets."""
    generator = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(ROWS, family.num_outputs, dtype=torch.float64, generator=generator)
    return z, family.check(random_targets(family, ROWS, generator))


def row_loss(family: Family):
    return lambda z, y: torch_losses(family, z[None], y[None])[0]


@each_family
@each_scale
def test_loss_equals_torchs(family, scale):
    z, y = sample(family, scale)
    # Ours is accurate relative to itself, torch's relative to the predictors.
    assert_close(family.loss(z, y), torch_losses(family, z, y), rtol=1e-12, atol=1e-15 * max(1.0, scale))


@each_family
@each_scale
def test_derivatives_equal_torch_func(family, scale):
    z, y = sample(family, scale)
    curvature = vmap(hessian(row_loss(family)))(z, y)
    assert_close(family.gradient(z, y), vmap(grad(row_loss(family)))(z, y), rtol=1e-10, atol=1e-14)
    assert_close(family.curvature(z, y).contiguous(), curvature, rtol=1e-10, atol=1e-14)


@each_family
@each_scale
def test_loss_and_gradient_together_are_both(family, scale):
    z, y = sample(family, scale)
    assert_close(family.loss_and_gradient(z, y), (family.loss(z, y), family.gradient(z, y)), rtol=1e-12, atol=1e-15)


@each_family
@each_scale
def test_own_loss_is_differentiable(family, scale):
    """The defaults of `Objective` differentiate the family's loss twice, so its autograd must be right as well."""
    z, y = sample(family, scale)
    own = vmap(grad(lambda z, y: family.loss(z[None], y[None])[0]))
    assert_close(own(z, y), family.gradient(z, y), rtol=1e-10, atol=1e-14)
    v = torch.randn_like(z)
    assert_close(jvp(lambda z: own(z, y), (z,), (v,))[1], family.curvature_product(z, y, v), rtol=1e-9, atol=1e-13)


@each_family
@each_scale
def test_the_forms_of_the_curvature_agree(family, scale):
    z, y = sample(family, scale)
    v, curvature = torch.randn_like(z), family.curvature(z, y)
    factor = family.curvature_factor(z, y)
    assert_close(torch.einsum("cnj,cnk->njk", factor, factor), curvature.contiguous(), rtol=1e-10, atol=1e-14)
    assert_close(family.curvature_diagonal(z, y), curvature.diagonal(dim1=1, dim2=2), rtol=1e-10, atol=1e-14)
    assert_close(family.curvature_product(z, y, v), torch.einsum("njk,nk->nj", curvature, v), rtol=1e-10, atol=1e-14)
    assert (torch.linalg.eigvalsh(curvature) >= -1e-14).all()


@each_family
def test_gradient_is_mean_minus_statistic(family):
    """z ↦ ∂l/∂z − μ(z) does not depend on z, and its value is the statistic of the target."""
    z, y = sample(family, 3.0)
    statistic = family.mean(z) - family.gradient(z, y)
    expected = torch.nn.functional.one_hot(y).double() if isinstance(family, Categorical) else y.double()
    assert_close(statistic, expected, rtol=1e-12, atol=1e-14)


@each_family
@pytest.mark.parametrize("size", [50.0, 800.0])
def test_extreme_predictors_stay_finite(family, size):
    generator = torch.Generator().manual_seed(3)
    y = family.check(random_targets(family, ROWS, generator))
    z = size * (2 * torch.randint(2, (ROWS, family.num_outputs), generator=generator).double() - 1)
    v = torch.randn_like(z)
    quantities = (
        family.loss(z, y),
        family.mean(z),
        family.gradient(z, y),
        family.curvature(z, y),
        family.curvature_diagonal(z, y),
        family.curvature_product(z, y, v),
        family.recession(z, y),
    )
    finite = quantities[:-1] if isinstance(family, Gaussian) else quantities  # a square has no finite slope far out
    assert all(torch.isfinite(q).all() for q in finite)
    assert not any(torch.isnan(q).any() for q in quantities)
    assert_close(family.loss(z, y), torch_losses(family, z, y), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("z", [-700.0, -40.0, 0.0, 40.0, 700.0])
def test_bernoulli_curvature_never_underflows_early(z):
    """σ(z) σ(−z) = e^−|z| / (1 + e^−|z|)², positive where σ (1 − σ) has long been 0."""
    small = torch.tensor(-abs(z), dtype=torch.float64).exp()
    curvature = Bernoulli().curvature(torch.tensor([[z]], dtype=torch.float64), torch.tensor([[0]]))
    assert curvature.item() > 0
    assert_close(curvature[0, 0, 0], small / (1 + small) ** 2, rtol=1e-12, atol=0)


@pytest.mark.parametrize("z", [21.0, 30.0, 39.0, 41.0, 60.0])
def test_bernoulli_loss_of_a_confident_row_is_relatively_exact(z):
    """log(1 + e⁻ᶻ) at label 0 and −z: no threshold of softplus may show."""
    z = torch.tensor([[-z]], dtype=torch.float64)
    assert_close(Bernoulli().loss(z, torch.tensor([[0]])), torch.log1p(z.exp())[:, 0], rtol=1e-12, atol=0)


@each_family
def test_recession_is_the_slope_far_out(family):
    z, y = sample(family, 1.0)
    z[0] = 0
    recession = family.recession(z, y)
    slopes = [family.loss(t * z, y) / t for t in (1e5, 1e9)]
    unbounded = torch.isinf(recession)
    assert_close(slopes[1][~unbounded], recession[~unbounded], rtol=1e-6, atol=1e-6)
    assert (slopes[1][unbounded] > 1e3 * slopes[0][unbounded]).all()
    assert recession[0] == 0 and (recession >= 0).all()


@each_family
@each_scale
@pytest.mark.parametrize("seed", range(5))
def test_self_concordance_bounds_the_third_derivative(family, scale, seed):
    """|D³l[u, u, v]| ≤ c max|v| D²l[u, u]."""
    z, y = sample(family, scale, seed)
    u, v = torch.randn_like(z), torch.randn_like(z)

    def second(z: Tensor) -> Tensor:  # D²l[u, u] of each row
        slope = lambda z: jvp(lambda z: family.loss(z, y), (z,), (u,))[1]  # noqa: E731
        return jvp(slope, (z,), (u,))[1]

    third = jvp(second, (z,), (v,))[1]
    bound = family.self_concordance * v.abs().amax(1) * second(z)
    assert (third.abs() <= bound * (1 + 1e-9) + 1e-14).all()


@pytest.mark.parametrize("family", [Bernoulli(), Categorical(2)], ids=["bernoulli", "categorical2"])
def test_self_concordance_is_sharp(family):
    """On confident rows |D³| comes close to the bound, so no smaller constant would hold."""
    z = torch.full((1, family.num_outputs), 9.0, dtype=torch.float64)
    z[:, 1:] = -9.0
    v = z.sign()
    second = lambda z: (v * family.curvature_product(z, torch.zeros(1), v)).sum(1)  # noqa: E731
    third = jvp(second, (z,), (v,))[1]
    assert (third.abs() >= 0.99 * family.self_concordance * second(z)).all()


@each_family
def test_shift_invariance_is_what_the_flag_says(family):
    z, y = sample(family, 1.0)
    assert torch.allclose(family.loss(z + 1, y), family.loss(z, y)) is family.shift_invariant


@pytest.mark.parametrize("gap", [5.0, 30.0, 39.0, 41.0, 60.0, 300.0])
def test_categorical_loss_of_a_confident_row_is_relatively_exact(gap):
    """log(1 + 2e^−gap) where the own class leads two others by the gap, whatever the common level."""
    z = torch.tensor([[0.0, gap, 0.0]], dtype=torch.float64) + 100
    expected = torch.log1p(2 * torch.tensor([-gap], dtype=torch.float64).exp())
    assert_close(Categorical(3).loss(z, torch.tensor([1])), expected, rtol=1e-12, atol=0)
    loss, gradient = Categorical(3).loss_and_gradient(z, torch.tensor([1]))
    assert_close((loss, gradient[:, 1]), (expected, torch.expm1(-expected)), rtol=1e-12, atol=0)  # p_y − 1


@pytest.mark.parametrize("gap", [5.0, 300.0, 1e4])
def test_categorical_loss_of_a_row_on_the_wrong_side_is_the_gap(gap):
    z, y, family = torch.tensor([[0.0, gap]], dtype=torch.float64), torch.tensor([0]), Categorical(2)
    expected = z[:, 1] + torch.log1p((-z[:, 1]).exp())
    assert_close((family.loss(z, y), family.loss_and_gradient(z, y)[0]), (expected, expected), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64])
def test_bernoulli_takes_labels_of_any_type(dtype):
    z = torch.tensor([[0.3], [-1.2], [2.0]], dtype=torch.float64)
    labels = torch.tensor([1, 0, 1])
    for given in (labels.to(dtype), labels.to(dtype)[:, None]):
        y = Bernoulli().check(given)
        assert y.shape == (3, 1)
        assert_close(Bernoulli().loss(z, y), torch_losses(Bernoulli(), z, labels[:, None]))
        assert_close(Bernoulli().gradient(z, y), torch.sigmoid(z) - labels[:, None].double())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_categorical_takes_labels_of_any_integer_type(dtype):
    z, labels = torch.randn(4, 3, dtype=torch.float64), torch.tensor([2, 0, 1, 1])
    y = Categorical(3).check(labels.to(dtype))
    assert_close(Categorical(3).loss(z, y), torch_losses(Categorical(3), z, labels))
    assert_close(Categorical(3).gradient(z, y), torch.softmax(z, 1) - torch.nn.functional.one_hot(labels))


def test_gaussian_reads_a_vector_as_one_column():
    assert Gaussian(1).check(torch.zeros(5)).shape == (5, 1)


@pytest.mark.parametrize(
    ("family", "empty"),
    [
        (Gaussian(2), torch.empty(0, 2)),
        (Gaussian(1), torch.empty(0)),
        (Bernoulli(), torch.empty(0, dtype=torch.int64)),
        (Bernoulli(), torch.empty(0, 1)),
        (Categorical(3), torch.empty(0, dtype=torch.int64)),
    ],
    ids=["gaussian2", "gaussian1", "bernoulli", "bernoulli-column", "categorical"],
)
def test_a_process_may_hold_no_rows(family, empty):
    z = torch.empty(0, family.num_outputs)
    assert family.gradient(z, family.check(empty)).shape == z.shape


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("family", "targets", "cause", "remedy"),
    [
        (Bernoulli(), torch.tensor([0, 1, 2, 2]), "2 of 4 targets are neither 0 nor 1", "SoftmaxRegression.*3"),
        (Bernoulli(), torch.tensor([0, -1]), "run from -1 to 0", "use"),
        (Bernoulli(), torch.tensor([0.0, 1.5]), "run from 0 to 1.5", "use LinearRegression"),
        (Bernoulli(), torch.zeros(4, 2), r"shape \(4, 2\)", "one 0/1 label a row"),
        (Bernoulli(), torch.tensor([0.0, NAN]), "1 target is not finite", "remove that row"),
        (Categorical(3), torch.tensor([0, 3, 1]), r"1 of 3 labels lie outside 0 … 2 \(found 0 … 3\)", "num_classes"),
        (Categorical(3), torch.tensor([-1, 2, 1]), "found -1 … 2", "count labels from 0"),
        (Categorical(3), torch.tensor([0.0, 1.0]), "real numbers", "use LinearRegression"),
        (Categorical(3), torch.zeros(3, 3, dtype=torch.int64), r"shape \(3, 3\)", "one label a row"),
        (Gaussian(1), torch.tensor([0, 1]), "class labels", "use LogisticRegression or SoftmaxRegression"),
        (Gaussian(1), torch.zeros(5, 2), r"shape \(5, 2\).*\(rows, 1\)", "set its number of outputs to 2"),
        (Gaussian(3), torch.zeros(5), r"shape \(5, 1\).*\(rows, 3\)", "set its number of outputs to 1"),
        (Gaussian(2), torch.zeros(5, 2, 1), r"shape \(5, 2, 1\).*\(rows, 2\)", r"\(rows, 2\)"),
        (Gaussian(1), torch.tensor([0.0, NAN, INF]), "2 targets are not finite", "remove those rows"),
    ],
)
def test_unsuitable_targets_are_refused_with_cause_and_remedy(family, targets, cause, remedy):
    with pytest.raises(ValueError, match=cause) as refusal:
        family.check(targets)
    refusal.match(remedy)
