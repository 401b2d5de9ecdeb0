"""Any module of known layers: its graph, and the loss of its outputs with every derivative."""

from lightning_modules.objectives.graphs.graph import Graph
from lightning_modules.objectives.graphs.graph_objective import GraphObjective
from lightning_modules.objectives.graphs.tracing import traced
from lightning_modules.objectives.graphs.untraceable import UntraceableError

__all__ = ["Graph", "GraphObjective", "UntraceableError", "traced"]
