"""What is different on a device that works on its own: who reads a number of it waits for it."""

from lightning_modules.devices.asked import Number, asked
from lightning_modules.devices.asynchronous import is_asynchronous

__all__ = ["Number", "asked", "is_asynchronous"]
