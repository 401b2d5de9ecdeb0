"""How often the nearest images in feature space are of the same class."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import normalize

from callbacks.features.frozen_features import Labelled, frozen_features, has_rows
from callbacks.measured_model import FeatureModel
from callbacks.shown_work import shown_work

QUERIES_AT_A_TIME = 1000


class NearestNeighbors(Callback):
    """Logs `val/knn_accuracy` and `test/knn_accuracy` of frozen features, and the latter among the test's results.

    The class of an image is the most frequent one among its k most similar training images. During fit the numbers go to
    the loggers only: nothing can stop, schedule or select by them. Idle for a model that is no `FeatureModel`, and for a part
    without rows.

    Args:
        k: number of neighbours.
        every_n_epochs: how often.
    """

    def __init__(self, k: int = 5, every_n_epochs: int = 1) -> None:
        if k < 1 or every_n_epochs < 1:
            raise ValueError(f"NearestNeighbors(k={k}, every_n_epochs={every_n_epochs}): give numbers ≥ 1")
        self.k, self.every_n_epochs = k, every_n_epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.loggers or (trainer.current_epoch + 1) % self.every_n_epochs or not isinstance(pl_module, FeatureModel):
            return
        with shown_work(trainer, "judging: nearest neighbours"):
            train = frozen_features(trainer, pl_module, "train", pl_module)
            parts = [split for split in ("val", "test") if has_rows(trainer, split)]
            values = {
                f"{split}/knn_accuracy": knn_accuracy(
                    pl_module, train, frozen_features(trainer, pl_module, split, pl_module), self.k
                )
                for split in parts
            }
        for logger in trainer.loggers if values else ():
            logger.log_metrics(values, trainer.global_step - 1)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, FeatureModel):
            with shown_work(trainer, "judging: nearest neighbours"):
                train, test = (frozen_features(trainer, pl_module, split, pl_module) for split in ("train", "test"))
                # The same number on every process, so their maximum is that number.
                accuracy = knn_accuracy(pl_module, train, test, self.k)
            pl_module.log("test/knn_accuracy", accuracy, sync_dist=True, reduce_fx="max")


def knn_accuracy(model: FeatureModel, train: Labelled, queries: Labelled, k: int) -> float:
    """Share of all processes' queries (m, d) that get their label from the k nearest of all training rows (n, d).

    Args:
        model: joins the rows of the processes.
        train, queries: features and labels of this process's rows.
        k: number of neighbours.
    """
    neighbors = model.joined_rows({"features": train[0], "labels": train[1]})
    predicted = nearest_class(neighbors["features"], neighbors["labels"], queries[0], k)
    right = model.joined_rows({"right": predicted == queries[1]})["right"]
    return float(right.double().mean())


def nearest_class(neighbors: Tensor, labels: Tensor, queries: Tensor, k: int) -> Tensor:
    """The most frequent label among the k neighbours of largest cosine: (n, d), (n,), (m, d) -> (m,).

    The cosine because it is what a contrastive loss compares. Of equally frequent labels the smallest is taken, as
    scikit-learn does.
    """
    units = normalize(neighbors).T
    parts = [labels[(normalize(part) @ units).topk(k).indices].mode(1).values for part in queries.split(QUERIES_AT_A_TIME)]
    return torch.cat(parts)
