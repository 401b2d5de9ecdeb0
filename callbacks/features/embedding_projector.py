"""Features to look at."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.all_rows import all_rows
from callbacks.features.frozen_features import frozen_features
from callbacks.measured_model import FeatureModel


class EmbeddingProjector(Callback):
    """Hands features of test images, with labels and pictures, to TensorBoard's projector at the end of a fit.

    Idle for a model that is no `FeatureModel`, and for data that do not tell their `image_size`.

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
        features, labels = map(all_rows, frozen_features(trainer, pl_module, "test", pl_module))
        images, _ = map(all_rows, frozen_features(trainer, pl_module, "test", lambda x: x.reshape(len(x), 1, *size)))
        if trainer.is_global_zero:
            rows = slice(self.samples)
            for logger in loggers:
                logger.experiment.add_embedding(
                    features[rows].float().cpu(),
                    metadata=labels[rows].tolist(),
                    label_img=images[rows].float().cpu(),
                    global_step=trainer.global_step,
                    tag="test_features",
                )
