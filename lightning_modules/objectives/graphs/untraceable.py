"""What a network of known layers is refused for."""


class UntraceableError(ValueError):
    """A module is no network of known layers; the message says which layer is the reason, why, and what to do."""


FALL_BACK = "ModuleObjective takes whatever torch can differentiate twice, more slowly"
