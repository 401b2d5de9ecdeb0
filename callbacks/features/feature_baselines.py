"""What features are worth before anything is learnt."""

from collections.abc import Callable

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from callbacks.features.frozen_features import frozen_features, has_rows
from callbacks.features.nearest_neighbors import knn_accuracy
from callbacks.measured_model import FeatureModel
from callbacks.shown_work import shown_work


class FeatureBaselines(Callback):
    """Judges raw pixels and the untrained encoder once, when a fit starts, as the trained encoder will be judged.

    Logs the test accuracies `baseline/<features>_knn_accuracy` and `baseline/<features>_probe_accuracy`, and a table as
    text. The probe of raw pixels has many parameters and takes longer than those of features. A resumed run has its
    baselines behind it. Idle for a model that is no `FeatureModel`, and without test rows.

    Args:
        k: number of neighbours.
    """

    def __init__(self, k: int = 5) -> None:
        if k < 1:
            raise ValueError(f"FeatureBaselines(k={k}): give a number ≥ 1")
        self.k = k

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.loggers or trainer.global_step or not isinstance(pl_module, FeatureModel):
            return
        if not has_rows(trainer, "test"):
            return
        values: dict[str, float] = {}
        encoders: dict[str, Callable[[Tensor], Tensor]] = {"raw_pixels": raw_pixels, "random_encoder": pl_module.forward}
        for name, encode in encoders.items():
            with shown_work(trainer, f"judging first: {name.replace('_', ' ')}"):
                knn, probe = self.accuracies(trainer, pl_module, encode)
            values |= {f"baseline/{name}_knn_accuracy": knn, f"baseline/{name}_probe_accuracy": probe}
        for logger in trainer.loggers:
            logger.log_metrics(values, 0)
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                rows = [f"| {name.removeprefix('baseline/')} | {value:.4f} |" for name, value in values.items()]
                logger.experiment.add_text("baselines", "\n".join(["| test | |", "|---|---|", *rows]), 0)

    def accuracies(
        self, trainer: Trainer, pl_module: LightningModule, encode: Callable[[Tensor], Tensor]
    ) -> tuple[float, float]:
        """Test accuracies of k nearest neighbours and of the probe, the probe's penalty chosen on validation."""
        assert isinstance(pl_module, FeatureModel)
        train, val, test = (frozen_features(trainer, pl_module, split, encode) for split in ("train", "val", "test"))
        probe = pl_module.fit_probe(train, val)
        with torch.no_grad():
            right = pl_module.joined_rows({"right": probe(test[0]).argmax(1) == test[1]})["right"]
        return knn_accuracy(pl_module, train, test, self.k), float(right.double().mean())


def raw_pixels(images: Tensor) -> Tensor:
    """(B, …) -> (B, pixels)."""
    return images.flatten(1)
