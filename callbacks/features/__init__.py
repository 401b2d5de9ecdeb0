"""What learnt features are worth: neighbours, baselines, pictures."""

from callbacks.features.embedding_projector import EmbeddingProjector
from callbacks.features.feature_baselines import FeatureBaselines
from callbacks.features.nearest_neighbors import NearestNeighbors
from callbacks.features.two_view_grid import TwoViewGrid

__all__ = ["EmbeddingProjector", "FeatureBaselines", "NearestNeighbors", "TwoViewGrid"]
