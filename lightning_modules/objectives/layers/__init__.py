"""Kinds of layers, one file each: what a network's derivatives are made of."""

from lightning_modules.objectives.layers.affine import Affine
from lightning_modules.objectives.layers.convolution import Convolution
from lightning_modules.objectives.layers.elementwise import Activated, Elementwise
from lightning_modules.objectives.layers.embedding import Embedding
from lightning_modules.objectives.layers.junctions import Concatenation, Sum
from lightning_modules.objectives.layers.layer import Layer, Visit, Weights
from lightning_modules.objectives.layers.linear import Linear, LinearByColumns
from lightning_modules.objectives.layers.normalization import (
    FrozenNormalization,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    RootMeanSquareNormalization,
)
from lightning_modules.objectives.layers.pooling import MaxPooling
from lightning_modules.objectives.layers.row_function import LinearMap, Reshape, RowFunction
from lightning_modules.objectives.layers.transposed_convolution import TransposedConvolution

__all__ = [
    "Activated",
    "Affine",
    "Concatenation",
    "Convolution",
    "Elementwise",
    "Embedding",
    "FrozenNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "Layer",
    "LayerNormalization",
    "Linear",
    "LinearByColumns",
    "LinearMap",
    "MaxPooling",
    "Reshape",
    "RootMeanSquareNormalization",
    "RowFunction",
    "Sum",
    "TransposedConvolution",
    "Visit",
    "Weights",
]
