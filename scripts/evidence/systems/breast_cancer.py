"""S3: logistic regression on breast cancer by gradient descent, Newton and diagonal Newton."""

from comparing.figures import draw_figures
from comparing.observations import observe

from evidence.systems.comparisons import compared, comparison_of, with_epochs
from evidence.systems.expectation import near, rounded
from evidence.systems.system import Claim, Context, Outcome, System

# Test loss and test accuracy at the end, as published and as expected.
PUBLISHED = {
    "gradient descent": ("0.1152", "0.9708"),
    "Newton": ("0.1455", "0.9825"),
    "diagonal Newton": ("0.0466", "0.9825"),
}
FURTHER = "Newton, 200 epochs"


def compare_three_methods(context: Context) -> Outcome:
    """The published comparison, and Newton's method far beyond it."""
    comparison = comparison_of(context, "breast_cancer")
    runs = compared(context, comparison)
    claims = []
    for label, (loss, accuracy) in PUBLISHED.items():
        summary = runs[label].summary
        claims += [
            Claim(f"test loss, {label}", loss, rounded(loss), summary["test/loss"], is_headline=True),
            Claim(f"test accuracy, {label}", accuracy, rounded(accuracy), summary["test/accuracy"]),
        ]
    further = {**comparison, "methods": {FURTHER: with_epochs(context, comparison["methods"]["Newton"], 200)}}
    beyond = compared(context, further)[FURTHER]
    claims.append(Claim("test loss, Newton after 200 epochs", "", near(12.55, 0.1), beyond.summary["test/loss"], ".2f"))
    claims.append(
        Claim("training objective then: on its way to 0", "", near(1e-5, 1e-5), beyond.summary["train/objective"], ".1e")
    )
    found = list(runs.values())
    pictures = draw_figures(found, context.output)
    return Outcome(claims, pictures, observe(found, []))


SYSTEM = System(
    "S3",
    compare_three_methods,
    wrong="The classes are linearly separable and there is no penalty, so the optimum is at infinity: more epochs of Newton's "
    "method make the training loss vanish and the test loss explode. A step size of 0.1 hides that.",
)
