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


def convergence_message(verdict: Convergence, names: Sequence[str], objective: GLMObjective, has_classes: bool) -> str:
    """One line on a verdict other than `converged`.

    Args:
        verdict: on the fit.
        names: of the d features.
        objective: what was minimised.
        has_classes: whether targets are classes.
    """
    about, key = "", verdict.status + (" classes" if verdict.status == "separated" and has_classes else "")
    if verdict.columns:
        about = "; dependent: " + _listed([names[column] for column in verdict.columns])
    elif verdict.direction is not None:
        weights = objective.layout.split(verdict.direction)[0].abs().amax(0)
        strongest = [names[j] for j in weights.argsort(descending=True).tolist()[:3] if weights[j] > 0]
        about = "; strongest in that direction: " + _listed(strongest) if strongest else ""
        key = key if strongest else "separated by the intercept"
    remedy = REMEDIES[key].format(l2=1 / float(objective.rows.weight))
    return f"{verdict.message}{about}; {remedy}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
