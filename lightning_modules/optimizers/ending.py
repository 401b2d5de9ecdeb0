"""Who ended the steps and why, which the weights alone do not say: together with the verdict on them it is how a run ended.

What is proved of the weights comes first: an optimum that is reached is reached, whoever stopped there.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from lightning_modules.counting import counted as counted_noun
from lightning_modules.optimizers.verdict import Convergence


@dataclass(frozen=True)
class Ending:
    """Why no further step was taken.

    Attributes:
        status: `budget` – the epochs, the steps or the time ran out; `stopped` – somebody ended it before.
        message: who and why, the beginning of a sentence: "all 6 epochs done".
    """

    status: Literal["budget", "stopped"]
    message: str


def concluded(verdict: Convergence, ending: Ending, is_towards_optimum: bool = True) -> Convergence:
    """The verdict on where the steps ended, with who ended them if nothing is proved of that place.

    Args:
        verdict: on the weights.
        ending: of the steps.
        is_towards_optimum: whether the method was to go on to an optimum within its tolerance; else, on mini-batches above
            all, how far it is from there is no shortcoming, and is only told.
    """
    if verdict.status != "budget":
        return verdict
    said = verdict.message
    if not is_towards_optimum:
        decrement = "" if math.isnan(verdict.newton_decrement) else f", Newton decrement {verdict.newton_decrement:.1e}"
        said = f"over all training rows, largest gradient entry {verdict.gradient_max:.1e}{decrement}"
    return replace(verdict, status=ending.status, message=f"{ending.message}; {said}")


def stopped_itself(method: str, said: Literal["converged", "stalled"], when: str) -> Ending:
    """A method was done by its own rule; `when`: "after 3 steps"."""
    why = "its tolerance is met" if said == "converged" else "none of its steps decreases the loss"
    return Ending("stopped", f"{method} stopped itself {when}: {why}")


def ran_out(count: int, what: str) -> Ending:
    """All of a number of epochs or steps are done; `what`: "epoch"."""
    return Ending("budget", f"the only {what} is done" if count == 1 else f"all {counted_noun(count, what)} done")


def counted(count: int, what: str) -> str:
    """ "after 3 epochs", "in the first epoch"."""
    return f"in the first {what}" if count == 0 else f"after {counted_noun(count, what)}"
