"""The same network in a LightningModule as everybody writes one: the measure of "as in plain Lightning"."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules import ObjectiveModule


class PlainTwin(LightningModule):
    """Automatic optimization of `F.cross_entropy(network(x), y)`, from the weights that a model has now.

    Args:
        model: an MLP or a SoftmaxRegression without penalty; it is left alone.
        configure: makes what `configure_optimizers` returns, of the twin; None = the model's optimizer of the parameters that
            train.
    """

    def __init__(self, model: ObjectiveModule, configure: Callable[[LightningModule], Any] | None = None) -> None:
        super().__init__()
        # Under the name that it has in the model, so that callbacks that name a part find it in both.
        self.part = "network" if hasattr(model, "network") else "linear"
        self.add_module(self.part, deepcopy(getattr(model, self.part)))
        self.make_optimizer, self.configure = model.make_optimizer, configure

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = getattr(self, self.part)(features)
        return outputs

    @property
    def backbone(self) -> nn.Module:
        """All but the last layer."""
        return body_of(getattr(self, self.part))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train/objective", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val/loss", functional.cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("test/loss", functional.cross_entropy(self(batch[0]), batch[1]))

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self(batch[0]).softmax(1)

    def configure_optimizers(self) -> Any:
        if self.configure is not None:
            return self.configure(self)
        return self.make_optimizer(parameter for parameter in self.parameters() if parameter.requires_grad)


def body_of(network: Any) -> nn.Module:
    """The layers of a dense network below its last."""
    return nn.ModuleList(network.layers[:-1])
