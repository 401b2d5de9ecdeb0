"""What a user is told of a fit that did not reach an optimum: what happened, to which features, and what to do."""

from collections.abc import Sequence

from lightning_modules.objectives import GLMObjective
from lightning_modules.optimizers import Convergence

SCALE = "scale the features, by StandardScaler for example, or give l2 > 0"
REMEDIES = {
    "separated classes": "probabilities of separated rows go to 0 and 1, and coefficients have no finite values: give l2 > 0, "
    "{l2:.2g} for example (the penalty of scikit-learn's C=1), or leave out what separates the classes",
    "separated": "means of some rows go to 0 or to infinity, and coefficients have no finite values: give l2 > 0, or leave out "
    "what tells those rows apart",
    "separated by the intercept": "the mean of all targets has no finite predictor: there is nothing to fit",
    "rank_deficient": "coefficients are not unique: leave those features out, or give l2 > 0",
    "budget": "give more max_steps, or l2 > 0",
    "stalled": SCALE,
    "stopped": SCALE,
}


MOST_NAMED = 8


def convergence_message(
    verdict: Convergence, names: Sequence[str], outputs: Sequence[str], objective: GLMObjective, has_classes: bool
) -> str:
    """One line on a verdict other than `converged`.

    Args:
        verdict: on the fit.
        names: of the d features.
        outputs: of the classes, or of the targets where there are several.
        objective: what was minimised.
        has_classes: whether targets are classes.
    """
    about, key = "", verdict.status + (" classes" if verdict.status == "separated" and has_classes else "")
    if verdict.columns:
        about = "; dependent: " + _listed([repr(names[column]) for column in verdict.columns])
    elif verdict.direction is not None:
        features = [repr(name) for name in names]
        of_each = [f" of class {label}" for label in outputs] or [""]
        every = [f"{name}{output}" for output in of_each for name in features]
        every += [f"the intercept{output}" for output in of_each] if objective.layout.has_bias else []
        ends = zip(verdict.direction.tolist(), every, strict=True)
        going = sorted(((size, name) for size, name in ends if size != 0), key=lambda end: -abs(end[0]))
        about = "; to infinity go " + _listed([f"{name} ({'+' if size > 0 else '−'})" for size, name in going])
        if not verdict.direction[: len(of_each) * len(names)].any():
            key = "separated by the intercept"
    remedy = REMEDIES[key].format(l2=1 / float(objective.rows.weight))
    return f"{verdict.message}{about}; {remedy}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
