"""Networks of layers: the passes of their rows, and every derivative by sweeps up and down them."""

from lightning_modules.objectives.layered.network_objective import NetworkObjective

__all__ = ["NetworkObjective"]
