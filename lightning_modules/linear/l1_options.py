"""What a linear model is told of an l1 penalty: how strong, on which coefficients, and how it is chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lightning_modules.counting import counted

L1Choice = Literal["cv", "cv-1se"]
CHOICES = get_args(L1Choice)
# How many parts rows are divided into for a choice.
FOLDS = 5
RULES = {
    "cv": "the least deviance of held-out rows",
    "cv-1se": "the largest penalty whose deviance of held-out rows is at most a standard error above the least",
}


@dataclass(frozen=True)
class L1Options:
    """What was given.

    Attributes:
        l1: strength, or a choice.
        penalty_weights: a number for each feature, or for some by their names; None = 1 for each.
        folds: of a choice.
    """

    l1: float | L1Choice = 0.0
    penalty_weights: Sequence[float] | Mapping[str, float] | None = None
    folds: int = FOLDS


def check_l1(model: str, options: L1Options) -> None:
    """Refuse what is no penalty.

    Args:
        model: its name, for the message.
        options: as given.

    Raises:
        ValueError: l1 is neither a finite number ≥ 0 nor a choice; weights that are no finite numbers ≥ 0; folds that are none.
    """
    l1, penalty_weights, folds = options.l1, options.penalty_weights, options.folds
    is_number = isinstance(l1, (int, float)) and not isinstance(l1, bool)
    if not (l1 in CHOICES if isinstance(l1, str) else is_number and 0 <= l1 < float("inf")):
        raise ValueError(
            f"{model}(l1={l1!r}): give a finite number ≥ 0, the strength of the penalty beside the mean loss, or "
            f"{' or '.join(map(repr, CHOICES))} to choose it by cross-validation"
        )
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"{model}(folds={folds!r}): give a whole number ≥ 2, of parts that rows are divided into to choose l1")
    given: Iterable[tuple[Any, Any]] = (
        penalty_weights.items() if isinstance(penalty_weights, Mapping) else enumerate(penalty_weights or ())
    )
    for name, weight in given:
        is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight < float("inf"):
            raise ValueError(
                f"{model}(penalty_weights): that of {name!r} is {weight!r}: give finite numbers ≥ 0, 0 for no penalty"
            )


def weights_by_feature(given: Any, names: Sequence[str] | None, features: int) -> list[float] | None:
    """v (d,), of weights as they were given.

    A name is that of a feature, or of the column of the table that several features were made of, such as a column of texts.

    Args:
        given: as `check_l1` takes them.
        names: of the features; None where they are not known.
        features: d.

    Raises:
        ValueError: another number of weights than features; names where none are known, or of no feature.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        weights = [float(weight) for weight in given]
        if len(weights) != features:
            raise ValueError(
                f"penalty_weights: {len(weights)} for {counted(features, 'feature')}: give one for each, or by name: {{age: 0}}"
            )
        return weights
    if names is None:
        raise ValueError("penalty_weights by name, of data without names: give a list, one number for each feature")
    weights = [1.0] * features
    for name, weight in given.items():
        places = [place for place, own in enumerate(names) if own == name] or [
            place for place, own in enumerate(names) if own.startswith(f"{name}=")
        ]
        if not places:
            listed = ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
            raise ValueError(f"penalty_weights: there is no feature {name!r}; there are {listed}")
        for place in places:
            weights[place] = float(weight)
    return weights
