"""Lightning on the simulated device."""

from typing import Any

import torch
from pytorch_lightning.accelerators import Accelerator
from pytorch_lightning.strategies import SingleDeviceStrategy

from tests.simulated_device.on_device import DEVICE, NAME


class SimulatedAccelerator(Accelerator):
    """One device."""

    def setup_device(self, device: torch.device) -> None:
        pass

    def teardown(self) -> None:
        pass

    @staticmethod
    def parse_devices(devices: Any) -> Any:
        return devices

    @staticmethod
    def get_parallel_devices(devices: Any) -> list[torch.device]:
        return [DEVICE]

    @staticmethod
    def auto_device_count() -> int:
        return 1

    @staticmethod
    def is_available() -> bool:
        return True

    def get_device_stats(self, device: Any) -> dict[str, Any]:
        return {}

    @staticmethod
    def name() -> str:
        return NAME


def on_the_device() -> dict[str, Any]:
    """Options of a trainer."""
    return {"accelerator": SimulatedAccelerator(), "strategy": SingleDeviceStrategy(device=DEVICE), "devices": 1}
