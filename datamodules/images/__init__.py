"""Images in memory: read, checked, converted on the device, and augmented."""

from datamodules.images.image_data_module import ImageDataModule
from datamodules.images.image_set import ImageSet

__all__ = ["ImageDataModule", "ImageSet"]
