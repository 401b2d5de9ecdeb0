"""A trained model that takes features as they are in the table."""

import torch
from torch import Tensor, nn

from datamodules.serving.preprocessing import Preprocessing
from lightning_modules import ObjectiveModule


class Predictor(nn.Module):
    """Unscaled features (n, d) -> probabilities of all C classes (n, C), or K real values (n, K).

    Of data with an offset it is the last column, (n, d + 1).

    Args:
        model: with its weights; its precision is that of the outputs.
        preprocessing: the scaling, done in float64 whatever the precision, as in training.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: ObjectiveModule, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        self.has_classes = preprocessing.class_names is not None
        self.output_dtype = next(model.parameters()).dtype
        self.register_buffer("mean", torch.from_numpy(preprocessing.shift))
        self.register_buffer("deviation", torch.from_numpy(preprocessing.scale))

    def forward(self, features: Tensor) -> Tensor:
        scaled = (features.double() - self.mean) / self.deviation
        predictions = self.model.predict(scaled.to(self.output_dtype))
        if predictions.ndim > 1:
            return predictions
        # A binary model tells the probability of class 1 alone, or the share that is expected.
        return torch.stack([1 - predictions, predictions], 1) if self.has_classes else predictions[:, None]
