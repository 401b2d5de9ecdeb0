"""Anybody's module under every method, and convolutional networks of images."""

import logging
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from datamodules import ArrayDataModule, DigitsDataModule
from lightning_modules import CNN, MLP, TorchModel
from lightning_modules.objectives import GraphObjective, ModuleObjective, flattened
from lightning_modules.optimizers import DiagonalNewton, GradientDescent, KroneckerNewton, Newton
from tests.training import make_trainer


class Repeated(nn.Module):
    """With a layer that is used twice, so that no layer alone tells of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(64, 4), nn.Linear(4, 4), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.again(torch.tanh(self.first(x))))
        result: Tensor = self.last(torch.tanh(self.again(h)))
        return result


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def rows_of(data: DigitsDataModule, split: str = "train") -> tuple[Tensor, Tensor]:
    """Features and labels as a model is fed them."""
    x, y = data.convert(data.splits[split], torch.float64)
    return x, y


@torch.no_grad()
def loss_of(model: TorchModel, x: Tensor, y: Tensor) -> float:
    return float(cross_entropy(model.double()(x), y))


METHODS = {
    "gradient descent": partial(GradientDescent, lr=0.1),
    "newton": Newton,
    "diagonal newton": DiagonalNewton,
    "kronecker newton": KroneckerNewton,
    "adam": partial(torch.optim.Adam, lr=0.01),
}


@pytest.mark.parametrize("batch_size", [None, 128], ids=["full batch", "mini-batches"])
@pytest.mark.parametrize("method", METHODS)
def test_a_module_learns_by_every_method(method: str, batch_size: int | None) -> None:
    data = DigitsDataModule(batch_size=batch_size)
    model = TorchModel(convolutional(), optimizer=METHODS[method])
    x, y = rows_of(data)
    before = loss_of(model, x, y)
    make_trainer(4).fit(model, data)
    assert loss_of(model, x, y) < before


def test_few_steps_of_kronecker_newton_go_where_few_of_diagonal_newton_do_not() -> None:
    data, losses = DigitsDataModule(), {}
    x, y = rows_of(data)
    for method in (KroneckerNewton, DiagonalNewton):
        model = TorchModel(convolutional(), optimizer=method).double()
        make_trainer(15).fit(model, data)
        losses[method] = loss_of(model, x, y)
    assert losses[KroneckerNewton] < 0.5 * losses[DiagonalNewton]


def test_the_layers_of_a_known_module_have_sweeps_of_their_own_and_others_say_why_not(caplog: pytest.LogCaptureFixture) -> None:
    rows = torch.randn(5, 64, dtype=torch.float64), torch.randint(0, 10, (5,))
    known = TorchModel(convolutional(), optimizer=Newton).double()
    assert isinstance(known.objective(rows), GraphObjective)
    with caplog.at_level(logging.INFO):
        other = TorchModel(Repeated(), l2=0.1, optimizer=Newton).double()
        objective = other.objective(rows)
        other.objective(rows)
    assert isinstance(objective, ModuleObjective)
    told = [record.getMessage() for record in caplog.records if "automatic differentiation" in record.getMessage()]
    assert len(told) == 1 and "'again.weight' is used in two places" in told[0] and "\n" not in told[0]


def test_a_module_that_falls_back_has_the_same_penalty() -> None:
    rows = torch.randn(5, 64, dtype=torch.float64), torch.randint(0, 10, (5,))
    known = TorchModel(convolutional(), l2=0.3, optimizer=Newton).double()
    graph = known.objective(rows)
    known._graphs = {form: "it is told to" for form in known._graphs}
    module, theta = known.objective(rows), flattened(list(known.parameters()))
    assert isinstance(module, ModuleObjective)
    v = torch.randn_like(theta)
    torch.testing.assert_close(graph.at(theta).value, module.at(theta).value)
    torch.testing.assert_close(graph.at(theta).gradient, module.at(theta).gradient)
    for kind in ("ggn", "hessian"):
        torch.testing.assert_close(graph.at(theta).curvature(kind).product(v), module.at(theta).curvature(kind).product(v))
        torch.testing.assert_close(graph.at(theta).curvature(kind).diagonal(), module.at(theta).curvature(kind).diagonal())


def test_kronecker_newton_is_refused_where_layers_are_not_known() -> None:
    model = TorchModel(Repeated(), optimizer=KroneckerNewton)
    with pytest.raises(ValueError, match=r"inputs and outputs of layers.*DiagonalNewton"):
        make_trainer(1).fit(model, DigitsDataModule())


@pytest.mark.filterwarnings("ignore:Found .* module.s. in eval mode")
def test_dropout_in_training_is_refused_with_a_remedy_under_a_curvature_and_trains_by_torch() -> None:
    module = nn.Sequential(nn.Linear(64, 8), nn.Dropout(), nn.Linear(8, 10))
    with pytest.raises(ValueError, match=r"Dropout '1' makes the loss of a trial step another function"):
        make_trainer(1).fit(TorchModel(module, optimizer=DiagonalNewton), DigitsDataModule())
    make_trainer(1).fit(TorchModel(module, optimizer=torch.optim.Adam), DigitsDataModule())
    make_trainer(1).fit(TorchModel(module.eval(), optimizer=DiagonalNewton), DigitsDataModule())


def test_regression_with_own_arrays_in_three_lines() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 3, generator=generator)
    data = ArrayDataModule(x.numpy(), (x[:, 0] * x[:, 1]).numpy())
    model = TorchModel(nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1)), loss="mse", optimizer=Newton)
    make_trainer(30).fit(model, data)
    features, targets = data.splits["train"]
    error = (model.predict(features) - targets).square().mean()
    assert error < 0.01 * targets.var()


def test_rows_take_the_shape_that_the_module_wants() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10))
    model = TorchModel(module, input_shape=[1, 8, 8], optimizer=DiagonalNewton).double()
    rows = torch.randn(5, 64, dtype=torch.float64), torch.randint(0, 10, (5,))
    outputs = module(rows[0].view(5, 1, 8, 8))
    torch.testing.assert_close(model(rows[0]), outputs)
    torch.testing.assert_close(
        model.objective(rows).value(flattened(list(model.parameters()))), cross_entropy(outputs, rows[1])
    )
    torch.testing.assert_close(model.evaluate(rows)["preds"], torch.softmax(outputs, 1))


class Normalised(nn.Module):
    """Its normalisation is registered last."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.norm = nn.Linear(6, 3), nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.norm(x))
        return result


def test_the_number_of_outputs_is_what_a_row_of_the_shape_becomes() -> None:
    module = Normalised()
    assert TorchModel(module, input_shape=(6,), optimizer=torch.optim.Adam).loss.num_outputs == 3
    assert module.training and module.norm.num_batches_tracked == 0
    with pytest.raises(ValueError, match="give num_outputs"):
        TorchModel(module, optimizer=torch.optim.Adam)
    with pytest.raises(ValueError, match="give num_outputs"):
        TorchModel(module, input_shape=(7,), optimizer=torch.optim.Adam)


class Returning(nn.Module):
    """A forward that returns something else than outputs (n, K)."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong, self.last = wrong, nn.Linear(6, 3)

    def forward(self, x: Tensor) -> object:
        f = torch.cummax(self.last(x), dim=1)[0]
        return {"a tuple": (f, x), "a row too few": f[1:], "a dimension too many": f[:, None]}[self.wrong]


@pytest.mark.parametrize("optimizer", [DiagonalNewton, Newton, torch.optim.Adam])
@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ("a tuple", "a tuple for 8 rows"),
        ("a row too few", r"a tensor of shape \(7, 3\) for 8 rows"),
        ("a dimension too many", r"a tensor of shape \(8, 1, 3\) for 8 rows"),
    ],
)
def test_what_a_forward_returns_is_looked_at(wrong: str, found: str, optimizer: object) -> None:
    x, y = torch.randn(8, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    model = TorchModel(Returning(wrong).double(), optimizer=optimizer)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"forward of Returning returned {found}.*one row of outputs for each row"):
        make_trainer(1).fit(model, ArrayDataModule(x, y, batch_size=None, val_fraction=0, test_fraction=0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TorchModel(nn.Conv2d(1, 2, 3), optimizer=Newton), r"number of outputs does not follow.*give num_outputs"),
        (lambda: TorchModel(nn.Linear(3, 1), optimizer=Newton), r"cross-entropy needs an output for each class"),
        (lambda: TorchModel(nn.Linear(3, 2), loss="hinge", optimizer=Newton), r"choose among cross_entropy, mse"),
        (lambda: TorchModel(nn.Linear(3, 2), l2=-1.0, optimizer=Newton), r"the penalty must be a number ≥ 0"),
        (lambda: CNN((8, 8), 10, channels=(2, 2, 2, 2), optimizer=Newton), r"4 halvings leave no pixel"),
        (lambda: CNN((8, 8), 10, activation="reluu", optimizer=Newton), r"relu"),
        (lambda: CNN(None, 10, optimizer=Newton), r"these data are none"),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_model_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_cnn_learns_digits_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    data = DigitsDataModule(batch_size=128)

    def model() -> CNN:
        torch.manual_seed(0)
        return CNN((8, 8), 10, channels=(4, 8), hidden=(16,), optimizer=KroneckerNewton)

    whole, first, again = model(), model(), model()
    make_trainer(20).fit(whole, data)
    x, y = rows_of(data, "test")
    assert float(whole.double().predict(x).argmax(1).eq(y).double().mean()) > 0.9
    trainer = make_trainer(7)
    trainer.fit(first, DigitsDataModule(batch_size=128))
    trainer.save_checkpoint(tmp_path / "part.ckpt")
    make_trainer(20).fit(again, DigitsDataModule(batch_size=128), ckpt_path=tmp_path / "part.ckpt")
    assert torch.equal(flattened(list(again.parameters())), flattened(list(whole.parameters())))
    loaded = CNN.load_from_checkpoint(tmp_path / "part.ckpt", optimizer=KroneckerNewton)
    torch.testing.assert_close(flattened(list(loaded.double().parameters())), flattened(list(first.double().parameters())))


def test_a_sequential_of_dense_layers_takes_the_steps_of_an_mlp() -> None:
    data = DigitsDataModule()
    torch.manual_seed(0)
    mlp = MLP([64, 6, 10], activation="tanh", l2=0.01, optimizer=DiagonalNewton)
    module = nn.Sequential(nn.Linear(64, 6), nn.Tanh(), nn.Linear(6, 10))
    with torch.no_grad():
        for own, other in zip(module.parameters(), mlp.parameters(), strict=True):
            own.copy_(other)
    model = TorchModel(module, l2=0.01, optimizer=DiagonalNewton)
    for each in (mlp, model):
        make_trainer(10).fit(each, data)
    torch.testing.assert_close(flattened(list(model.parameters())), flattened(list(mlp.parameters())), rtol=1e-6, atol=1e-8)


def test_frozen_layers_stay_where_they_are() -> None:
    module = convolutional()
    module[1].requires_grad_(False)
    before, last = module[1].weight.clone(), module[5].weight.clone()
    for method in (KroneckerNewton, DiagonalNewton, partial(Newton, solver="cg")):
        make_trainer(2).fit(TorchModel(module, optimizer=method), DigitsDataModule(batch_size=256))
    assert torch.equal(module[1].weight.float(), before) and not torch.equal(module[5].weight.float(), last)


def test_it_is_lightnings_own_trainer_and_loaders_that_feed_it() -> None:
    x, y = torch.randn(64, 1, 8, 8), torch.randint(0, 10, (64,))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16)
    model = TorchModel(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)), optimizer=DiagonalNewton)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=1, accelerator="cpu", **options)
    trainer.fit(model, loader)
    assert trainer.global_step == 4
