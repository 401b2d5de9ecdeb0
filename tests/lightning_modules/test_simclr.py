"""Contrastive training: the loss, its gradient on several processes, the probe it is measured by."""

import logging
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.nn.functional import cross_entropy, normalize
from torch.nn.utils import parameters_to_vector

from callbacks import ConfusionMatrix, ConvergenceStatus, MetricCharts, TestMetrics, TrainMetrics
from lightning_modules.linear.linear_probe import fit_probe
from lightning_modules.objectives import Point
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton
from lightning_modules.simclr import SimCLR
from tests.callbacks.memory_logger import MemoryLogger
from tests.lightning_modules.objectives.queries import first_order
from tests.lightning_modules.simclr_ddp_worker import METHODS, curvature, run
from tests.training import Iterates, make_trainer
from tests.two_view_data import TinyTwoViews

WORKER = Path(__file__).with_name("simclr_ddp_worker.py")
ADAM = partial(torch.optim.Adam, lr=1e-3)


def make(optimizer: Any = ADAM, **options: Any) -> SimCLR:
    torch.manual_seed(0)
    return SimCLR((8, 8), 10, features=16, channels=8, optimizer=optimizer, **options)


def two_view_batch(data: TinyTwoViews) -> tuple[torch.Tensor, ...]:
    return next(iter(data.train_dataloader()))


def test_loss_is_equation_1_of_the_paper() -> None:
    model, batch = make(temperature=0.3).double(), two_view_batch(TinyTwoViews(batch_size=5))
    views = torch.stack([batch[1], batch[2]], 1).flatten(0, 1)  # 2k and 2k + 1 are the views of image k
    z = normalize(model.head(model(views)))
    similarity = (z @ z.T / 0.3).exp()
    terms = [-torch.log(similarity[i, i ^ 1] / (similarity[i].sum() - similarity[i, i])) for i in range(10)]
    objective = model.objective(batch)
    theta = parameters_to_vector(model.parameters()).detach()
    torch.testing.assert_close(objective.value(theta), torch.stack(terms).mean().detach(), rtol=1e-12, atol=0)
    value, gradient = first_order(objective.at(theta))
    torch.testing.assert_close(value, objective.value(theta))
    torch.testing.assert_close(gradient, Point(objective, theta).gradient, rtol=1e-10, atol=1e-13)


@pytest.fixture(scope="module", params=[pytest.param(processes, marks=pytest.mark.slow) for processes in (2, 3)])
def ranks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(WORKER), str(request.param), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank_{rank}.pt") for rank in range(request.param)]


@pytest.mark.parametrize("method", METHODS)
def test_several_processes_are_one(ranks: list[dict[str, Any]], method: str) -> None:
    alone = run(method)
    for rank in ranks:
        torch.testing.assert_close(rank[method]["gradients"], alone["gradients"], rtol=0, atol=1e-12)
        # Adam divides each entry of the gradient by its size, so that rounding counts for more where that is small.
        torch.testing.assert_close(rank[method]["weights"], alone["weights"], rtol=0, atol=1e-9)
        torch.testing.assert_close(rank[method]["probe"], alone["probe"], rtol=0, atol=1e-5)
        assert rank[method]["metrics"] == pytest.approx(alone["metrics"], abs=1e-6)
        assert rank[method]["confusion"].sum() == len(TinyTwoViews().rows["test"])
        assert torch.equal(rank[method]["confusion"], alone["confusion"])
        assert torch.equal(rank[method]["weights"], ranks[0][method]["weights"])


def test_the_curvature_of_several_processes_is_that_of_one(ranks: list[dict[str, Any]]) -> None:
    """Draws are independent on each process, so an estimate is another one of the same diagonal."""
    alone = curvature()
    for rank in ranks:
        found = rank["curvature"]
        torch.testing.assert_close(found["product"], alone["product"], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(found["form"], alone["form"], rtol=1e-9, atol=1e-12)
        assert torch.equal(found["draws"], ranks[0]["curvature"]["draws"])
        assert float(found["draws"].sum() / alone["draws"].sum()) == pytest.approx(1, abs=0.1)


def test_without_the_gather_the_gradient_differs(ranks: list[dict[str, Any]]) -> None:
    """Negative control."""
    alone = run("sgd")["gradients"][0]
    for rank in ranks:
        assert (rank["without_gather"]["gradients"][0] - alone).abs().max() > 1e-4


def test_uneven_shares_are_refused_on_every_process(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["uneven"].startswith(f"25 images do not spread evenly over {len(ranks)} processes")


def test_training_lowers_the_loss_and_ends_with_budget() -> None:
    data, status, logger = TinyTwoViews(), ConvergenceStatus(), MemoryLogger()
    trainer = make_trainer(15, status, MetricCharts(), ConfusionMatrix(), logger=logger)
    trainer.fit(make(), data)
    losses = list(logger.values["train/objective"].values())
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert status.status == "budget"
    assert "random views" in status.message
    assert trainer.global_step == 15 * 4


def test_measured_by_the_probe_of_the_present_encoder() -> None:
    """Validation, test and predictions, with the probe fitted anew when the encoder has moved."""
    data, model = TinyTwoViews(), make()
    trainer = make_trainer(3, limit_val_batches=1.0)
    trainer.fit(model, data)
    (x, y), (x_val, y_val), (x_test, y_test) = (
        (data.features[data.rows[split]], data.labels[data.rows[split]]) for split in ("train", "val", "test")
    )
    with torch.no_grad():
        probe = fit_probe((model(x), y), (model(x_val), y_val), 10)
        val_loss, predicted = cross_entropy(probe(model(x_val)), y_val), probe(model(x_test)).argmax(1)
    assert float(trainer.callback_metrics["val/loss"]) == pytest.approx(val_loss.item(), rel=1e-6)
    (metrics,) = trainer.test(model, data, verbose=False)
    assert metrics["test/accuracy"] == pytest.approx((predicted == y_test).double().mean().item())
    # A fit without validation leaves the probe behind; the test does not take the old one.
    make_trainer(2).fit(model, data)
    assert not model.probe_fits
    make_trainer(1).test(model, data, verbose=False)
    assert model.probe_fits
    assert not torch.allclose(model.probe_weight, probe.weight)


def test_the_probe_is_part_of_the_checkpoint(tmp_path: Path) -> None:
    data, model = TinyTwoViews(), make()
    checkpoint = ModelCheckpoint(tmp_path, filename="best", monitor="val/loss")
    make_trainer(2, checkpoint, limit_val_batches=1.0, enable_checkpointing=True).fit(model, data)
    loaded = SimCLR.load_from_checkpoint(tmp_path / "best.ckpt", optimizer=ADAM)
    assert loaded.probe_fits
    batch = next(iter(data.val_dataloader()))
    with torch.no_grad():
        assert float(loaded.evaluate(batch)["value"].mean()) < 2.3, "no data module was asked for"


def test_evaluation_leaves_the_training_alone() -> None:
    thetas = []
    for callbacks in ([], [TestMetrics(), TrainMetrics()]):
        iterates = Iterates()
        trainer = make_trainer(2, iterates, *callbacks, logger=MemoryLogger(), limit_val_batches=float(len(callbacks) > 0))
        trainer.fit(make(), TinyTwoViews())
        thetas.append(torch.stack(iterates.thetas))
    assert torch.equal(*thetas)


def test_images_may_be_flat() -> None:
    model, images = make(), torch.rand(3, 1, 8, 8)
    assert model(images).shape == (3, 16)
    assert torch.equal(model(images), model(images.flatten(1)))
    with pytest.raises(ValueError, match=r"shape \(1, 9, 9\).*\(1, 8, 8\).*set image_size"):
        model(torch.rand(3, 1, 9, 9))


def test_the_loss_of_the_objective_is_that_of_lightly() -> None:
    model, batch = make().double(), two_view_batch(TinyTwoViews(batch_size=7))
    value = model.objective(batch).value(parameters_to_vector(model.parameters()).detach())
    torch.testing.assert_close(value, (model.contrast(batch) / len(batch[0])).detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", [DiagonalNewton, partial(GradientDescent, lr=0.1)])
def test_methods_of_this_project_lower_the_loss(method: Any, caplog: pytest.LogCaptureFixture) -> None:
    status, logger = ConvergenceStatus(), MemoryLogger()
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        make_trainer(10, status, logger=logger).fit(make(method, schedule="cosine"), TinyTwoViews())
    losses = list(logger.values["train/objective"].values())
    assert sum(losses[-4:]) < 0.97 * sum(losses[:4])
    assert status.status == "budget" and "random views" in status.message
    told = [record.getMessage() for record in caplog.records if "unbiased estimate" in record.getMessage()]
    assert len(told) == (method is DiagonalNewton), "an estimate says that it is one, once"
    if told:
        assert "from 2 random draws each time" in told[0] and "7888 parameters" in told[0]


def test_a_fit_by_estimates_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Draws follow from the number of the update, not from what was drawn before."""
    data, iterates = TinyTwoViews(), Iterates()
    make_trainer(4, iterates).fit(make(DiagonalNewton), data)
    first, again = make_trainer(2), Iterates()
    first.fit(make(DiagonalNewton), TinyTwoViews())
    first.save_checkpoint(tmp_path / "two.ckpt")
    make_trainer(4, again).fit(make(DiagonalNewton), TinyTwoViews(), ckpt_path=tmp_path / "two.ckpt")
    assert torch.equal(again.thetas[-1], iterates.thetas[-1])


def test_factors_of_layers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a ModuleObjective knows of none.*DiagonalNewton"):
        make_trainer(1).fit(make(KroneckerNewton), TinyTwoViews())


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"temperature=0.*positive"):
        make(temperature=0.0)
    with pytest.raises(ValueError, match=r"channels=12.*multiple of 8"):
        SimCLR((8, 8), 10, channels=12, optimizer=ADAM)
    with pytest.raises(ValueError, match=r"fewer than 2 classes.*use LinearRegression"):
        SimCLR((8, 8), 0, optimizer=ADAM)
    model, batch = make().double(), two_view_batch(TinyTwoViews())
    with pytest.raises(ValueError, match="a batch of 1 leaves SimCLR no other image"):
        model.objective(tuple(part[:1] for part in batch))
    with pytest.raises(ValueError, match=r"two views of each image and got one.*MNISTTwoViewDataModule"):
        model.objective((batch[0], batch[3]))
    with pytest.raises(ValueError, match="no data module is there"):
        model.evaluate(batch)


def test_data_without_images_are_refused() -> None:
    with pytest.raises(ValueError, match="these data are none; choose data of images"):
        SimCLR(image_size=None, num_classes=10, optimizer=torch.optim.Adam)  # type: ignore[arg-type]
