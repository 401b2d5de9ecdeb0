"""Networks: plain torch modules that know nothing of losses and trainers."""

from lightning_modules.networks.conv_encoder import ConvEncoder

__all__ = ["ConvEncoder"]
