"""What is different on a device that works on its own: who reads a number of it waits for it."""

from lightning_modules.devices.asked import Number, asked
from lightning_modules.devices.asynchronous import is_asynchronous
from lightning_modules.devices.free_memory import free_bytes
from lightning_modules.devices.full_float32 import full_float32
from lightning_modules.devices.late import Late

__all__ = ["Late", "Number", "asked", "free_bytes", "full_float32", "is_asynchronous"]
