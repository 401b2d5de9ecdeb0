"""S8 and S9: logistic and softmax regression on MNIST, written out, by the library, by scikit-learn."""

from dataclasses import replace
from math import nan

from comparing.class_figures import draw_class_figures
from comparing.figures import draw_figures
from comparing.observations import observe
from comparing.run import Run

from evidence.systems.comparisons import compared, comparison_of
from evidence.systems.expectation import Expectation, at_most, between, near
from evidence.systems.system import Claim, Context, Data, Outcome, System

SGD, NEWTON, LIBRARY, PEER = "SGD in batches of 64", "Newton", "library layer", "scikit-learn"
EPOCH = 58
PEERS = ("scikit-learn",)
ZERO_ONE_TRAIN, SOFTMAX_TRAIN = between(0.0065, 0.0082), near(0.299, 0.009)


def classify_zeros_and_ones(context: Context) -> Outcome:
    """Zeros against ones."""
    runs = compared(context, comparison_of(context, "mnist_zero_one"))
    test = Claim("test accuracy, SGD", "0.9992", near(0.9976, 0.0016), runs[SGD].summary["test/accuracy"], is_headline=True)
    return outcome_of(context, runs, [test, train_loss(runs, "0.0082", ZERO_ONE_TRAIN)])


def classify_digits(context: Context) -> Outcome:
    """All ten digits; plain gradient descent, which is no part of the row, stays out."""
    comparison = comparison_of(context, "mnist_softmax")
    del comparison["methods"]["gradient descent"]
    runs = compared(context, comparison)
    sgd, predictions = runs[SGD], runs[SGD].predictions
    assert predictions is not None
    accuracies = predictions.class_accuracy.tolist()
    claims = [
        Claim("test accuracy, SGD", "0.9190", near(0.9165, 0.004), sgd.summary["test/accuracy"], is_headline=True),
        Claim("validation loss after epoch 1, SGD", "0.7680", near(0.768, 0.01), sgd.history["val/loss"][0]),
        train_loss(runs, "0.2923", SOFTMAX_TRAIN),
        Claim(f"validation loss after epoch {EPOCH}, SGD", "0.3140", near(0.314, 0.015), at_epoch(sgd, "val/loss")),
        Claim("test accuracy of the digit 5, SGD", "0.865", near(0.865, 0.02), accuracies[5]),
        Claim("test accuracy of the digit 1, SGD", "0.974", near(0.974, 0.01), accuracies[1]),
    ]
    outcome = outcome_of(context, runs, claims)
    penalty = (
        f"The penalty l2 = {comparison['model']['init_args']['l2']}, without which there is no optimum for Newton's method to "
        "reach, was not part of the published run: it keeps the losses of SGD a little above those."
    )
    return replace(outcome, remarks=[penalty, *outcome.remarks])


def train_loss(runs: dict[str, Run], published: str, expected: Expectation) -> Claim:
    """Of SGD after the epoch that was published."""
    return Claim(
        f"train loss after epoch {EPOCH}, SGD", published, expected, at_epoch(runs[SGD], "train/loss"), is_headline=True
    )


def at_epoch(run: Run, name: str) -> float:
    """A metric after the epoch that was published; nan if the run was shorter."""
    values = run.history[name]
    return values[EPOCH - 1] if len(values) >= EPOCH else nan


def outcome_of(context: Context, runs: dict[str, Run], claims: list[Claim]) -> Outcome:
    """What both rows want beside their numbers: the library's layer, scikit-learn's optimum, figures by class."""
    ours, theirs = runs[SGD].predictions, runs[LIBRARY].predictions
    assert ours is not None and theirs is not None
    difference = float(ours.differences(theirs).max())
    name = "SGD written out: largest difference of a probability, of any digit, from the library's layer"
    claims.append(Claim(name, "", at_most(1e-10), difference, ".1e", is_headline=True))
    excess = abs(runs[NEWTON].objective - runs[PEER].objective)
    name = "Newton: difference of the penalised training loss from scikit-learn's minimum"
    claims.append(Claim(name, "", at_most(1e-7), excess, ".1e", is_headline=True))
    short = runs[SGD].objective - runs[NEWTON].objective
    claims.append(Claim("SGD's penalised training loss stops above Newton's by", "", between(1e-4, 0.1), short))
    found = list(runs.values())
    curves = draw_figures(found, context.output)
    return Outcome(claims, [*draw_class_figures(found, context.output), *curves], observe(found, []))


ZERO_ONE = System("S8", classify_zeros_and_ones, needs=Data.MNIST, peers=PEERS)
SOFTMAX = System(
    "S9",
    classify_digits,
    wrong="The published training loss of epoch 1, 1.1717, is a mean over its batches while the weights change, so it is not "
    "compared with the loss after the epoch.",
    needs=Data.MNIST,
    peers=PEERS,
    page_pictures={"class_accuracy.png": "Test accuracy by digit: written out, by the library, by scikit-learn"},
)
