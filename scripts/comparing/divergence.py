"""A method whose loss becomes infinite: no result of its own, and no end of the comparison for the others."""

from lightning_modules.optimizers import NonFiniteLossError
from lightning_modules.training.measurement import NonFinitePredictionError

# Which of them ends a run depends on what is looked at first: the loss of a step, or predictions of the weights after it.
DIVERGENCES = (NonFiniteLossError, NonFinitePredictionError)


class DivergedError(ArithmeticError):
    """A number is asked for of a method that diverged. The message names the method and what became of its loss."""


def reason_of(error: ArithmeticError) -> str:
    """What became of the loss, without the advice on the settings of a single fit: "the loss is nan at step 7"."""
    return str(error).partition(":")[0]


def every_method_diverged(endings: dict[str, str]) -> DivergedError:
    """The error of a comparison without a row to show, from what became of each method by its label."""
    listed = "; ".join(f"{label}: {ending}" for label, ending in endings.items())
    return DivergedError(f"every method of the comparison diverged, try smaller steps: {listed}")
