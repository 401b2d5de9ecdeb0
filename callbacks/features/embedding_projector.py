"""Features to look at."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.features.frozen_features import frozen_features, has_rows
from callbacks.measured_model import FeatureModel
from callbacks.shown_work import shown_work


class EmbeddingProjector(Callback):
    """Hands features of test images, with labels and pictures, to TensorBoard's projector at the end of a fit.

    Idle for a model that is no `FeatureModel`, and for data without an `image_size` or without test rows.

    Args:
        samples: how many of the first test images.
    """

    def __init__(self, samples: int = 500) -> None:
        if samples < 1:
            raise ValueError(f"EmbeddingProjector(samples={samples}): give a number ≥ 1")
        self.samples = samples

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        size = getattr(getattr(trainer, "datamodule", None), "image_size", None)
        if not loggers or size is None or not isinstance(pl_module, FeatureModel):
            return
        if not has_rows(trainer, "test"):
            return
        with shown_work(trainer, "test images for TensorBoard"):
            features, labels = frozen_features(trainer, pl_module, "test", pl_module)
            images, _ = frozen_features(trainer, pl_module, "test", lambda x: x.reshape(len(x), 1, *size))
            rows = pl_module.joined_rows({"features": features, "labels": labels, "images": images})
        if trainer.is_global_zero:
            first = {name: part[: self.samples].cpu() for name, part in rows.items()}
            for logger in loggers:
                logger.experiment.add_embedding(
                    first["features"].float(),
                    metadata=first["labels"].tolist(),
                    label_img=first["images"].float(),
                    global_step=trainer.global_step,
                    tag="test_features",
                )
