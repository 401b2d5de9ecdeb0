"""What a user is told of a fit that did not reach an optimum: what happened, to which features, and what to do."""

from collections.abc import Sequence

from lightning_modules.optimizers import Convergence

REMEDIES = {
    "separated": "probabilities of separated rows go to 0 and 1, and coefficients have no finite values: give l2 > 0, {l2:.2g} "
    "for example (the penalty of scikit-learn's C=1), or leave out what separates the classes",
    "rank_deficient": "coefficients are not unique: leave those features out, or give l2 > 0",
    "budget": "give more max_steps, or l2 > 0",
    "stalled": "scale the features, by StandardScaler for example, or give l2 > 0",
    "stopped": "scale the features, by StandardScaler for example, or give l2 > 0",
}


def convergence_message(verdict: Convergence, names: Sequence[str], num_outputs: int, num_rows: float) -> str:
    """One line on a verdict other than `converged`.

    Args:
        verdict: on the fit.
        names: of the d features.
        num_outputs: K, predictors of a row.
        num_rows: n, or the sum of the weights.
    """
    about = ""
    if verdict.columns:
        about = "; dependent: " + _listed([names[column] for column in verdict.columns])
    elif verdict.direction is not None:
        weights = verdict.direction[: num_outputs * len(names)].view(num_outputs, -1).abs().amax(0)
        strongest = [names[j] for j in weights.argsort(descending=True).tolist()[:3] if weights[j] > 0]
        about = "; strongest in that direction: " + _listed(strongest) if strongest else ""
    return f"{verdict.message}{about}; {REMEDIES[verdict.status].format(l2=1 / num_rows)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
