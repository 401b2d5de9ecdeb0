"""A method whose loss becomes infinite: no result of its own, and no end of the comparison for the others."""

from lightning_modules.optimizers import NonFiniteLossError


class DivergedError(ArithmeticError):
    """A number is asked for of a method that diverged. The message names the method and what became of its loss."""


def reason_of(error: NonFiniteLossError) -> str:
    """What became of the loss, without the advice on the settings of a single fit: "the loss is nan at step 7"."""
    return str(error).partition(":")[0]


def every_method_diverged(endings: dict[str, str]) -> DivergedError:
    """The error of a comparison without a row to show, from what became of each method by its label."""
    listed = "; ".join(f"{label}: {ending}" for label, ending in endings.items())
    return DivergedError(f"every method of the comparison diverged, try smaller steps: {listed}")
