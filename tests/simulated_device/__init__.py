"""A device of its own name for tests: real arithmetic on the CPU, the checks of a device, and counts of what is slow on one."""

from tests.simulated_device.counts import Counts, counting
from tests.simulated_device.counts_per_step import CountsPerStep
from tests.simulated_device.on_device import DEVICE, NAME
from tests.simulated_device.trainer import on_the_device

__all__ = ["DEVICE", "NAME", "Counts", "CountsPerStep", "counting", "on_the_device"]
