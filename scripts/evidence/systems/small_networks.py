"""S7: the tables of methods on MNIST and Iris, where diagonal Newton is to learn."""

from pathlib import Path
from typing import Any

from comparing.study import Study
from comparing.study_figures import draw_study
from comparing.study_run import with_settings

from evidence.systems.comparisons import comparison_of, studied
from evidence.systems.expectation import Expectation, at_least, between
from evidence.systems.published_bars import draw_bars
from evidence.systems.system import Claim, Context, Data, Outcome, System

# Test accuracy after 100 epochs, published, and after 6 here.
MNIST: dict[str, tuple[str, Expectation]] = {
    "diagonal Newton": ("0.094 … 0.124: did not learn", between(0.972, 0.985)),
    "Adam": ("0.9685", between(0.974, 0.979)),
    "Adam, default lr": ("", between(0.954, 0.962)),
    "Nesterov": ("0.9665", between(0.97, 0.976)),
    "SGD": ("0.9627", between(0.963, 0.971)),
}
# Near what validation chooses in the whole study.
STEP_SIZES = {"Adam": 0.01, "Nesterov": 0.2, "SGD": 0.5}
# Test accuracy on 15 flowers, published, and in cross-validation here.
IRIS: dict[str, tuple[str, Expectation]] = {
    "Newton": ("", between(0.94, 0.99)),
    "diagonal Newton": ("0.20 … 0.60", between(0.94, 0.99)),
    "Adam": ("1.00", between(0.93, 0.99)),
}
LEARNT = 0.9


def compare_on_digits_and_flowers(context: Context) -> Outcome:
    """Both tables."""
    digits, flowers = on_mnist(context), on_iris(context)
    return Outcome([*digits.claims, *flowers.claims], [*digits.pictures, *flowers.pictures], digits.remarks)


def on_mnist(context: Context) -> Outcome:
    """784-64-64-10: five methods by one seed, or all with their trials by five."""
    comparison = comparison_of(context, "mnist_mlp")
    if not context.long:
        comparison["seeds"] = comparison["seeds"][:1]
        comparison["methods"] = {label: without_trials(label, comparison["methods"][label]) for label in MNIST}
    studies = studied(context, comparison)
    claims = accuracies("MNIST", MNIST, studies)
    first = {label: f"{study.curve('val/accuracy')[0]:.4f}" for label, study in studies.items()}
    remark = f"MNIST, validation accuracy after 1 epoch of 6: {', '.join(f'{label} {text}' for label, text in first.items())}."
    published = {"diagonal Newton": 0.124, "Adam": 0.9685, "Nesterov": 0.9665, "SGD": 0.9627}
    return Outcome(claims, draw(context, "MNIST", comparison, studies, published), [remark])


def on_iris(context: Context) -> Outcome:
    """4-10-10-3 in 5-fold cross-validation, once or ten times."""
    comparison = comparison_of(context, "iris_mlp")
    if not context.long:
        comparison["seeds"] = comparison["seeds"][:1]
    studies = studied(context, comparison)
    claims = accuracies("Iris", IRIS, studies)
    for label in ("Newton", "diagonal Newton"):
        worst = min(float(run.summary["train/accuracy"]) for run in studies[label].runs)
        claims.append(Claim(f"Iris, train accuracy of the worst run, {label}", "", at_least(LEARNT), worst))
    return Outcome(claims, draw(context, "Iris", comparison, studies, {"diagonal Newton": 0.6, "Adam": 1.0}))


def without_trials(label: str, method: dict[str, Any]) -> dict[str, Any]:
    """A method at a step size that is known."""
    settings = {"optimizer.lr": STEP_SIZES[label]} if label in STEP_SIZES else {}
    return with_settings({**method, "tune": {}}, settings)


def accuracies(data: str, table: dict[str, tuple[str, Expectation]], studies: dict[str, Study]) -> list[Claim]:
    """The median test accuracy of each method."""
    medians = {label: studies[label].median("test/accuracy") for label in table}
    return [
        Claim(f"{data}, test accuracy, {label}", published, expected, medians[label], is_headline=bool(published))
        for label, (published, expected) in table.items()
    ]


def draw(
    context: Context, name: str, comparison: dict[str, Any], studies: dict[str, Study], published: dict[str, float]
) -> list[Path]:
    """Bars beside the published ones, and curves, in a folder of their own."""
    folder = context.output / name.lower()
    folder.mkdir(exist_ok=True)
    here = {label: study.median("test/accuracy") for label, study in studies.items()}
    bars = draw_bars(published, here, f"test accuracy on {name}", folder / "bars.png")
    return [bars, *draw_study(list(studies.values()), comparison["select"], folder)]


SYSTEM = System(
    "S7",
    compare_on_digits_and_flowers,
    wrong="Newton's method on the diagonal did not learn: a diagonal without the size of its step. Here the local quadratic "
    "model says how far to go. The published Iris scores are of 15 flowers; here every flower is tested.",
    shortened="One seed, step sizes that are known to be good, 6 epochs in place of 100; one 5-fold cross-validation in place "
    "of ten. --long chooses every step size on validation and runs all seeds.",
    needs=Data.MNIST,
    peers=("scikit-learn",),
)
