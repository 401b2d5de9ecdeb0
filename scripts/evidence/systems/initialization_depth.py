"""S15: what initial weights do to the gradients of eight tanh layers, and what is learnt from there."""

from typing import Any

import torch
from comparing.run import make_cli
from torch.nn.utils import parameters_to_vector

from callbacks.picture_file import write_picture
from evidence.systems.comparisons import comparison_of
from evidence.systems.expectation import Expectation, at_least, between, near
from evidence.systems.gradient_norms import draw_norms, fit_and_log_norms
from evidence.systems.system import Claim, Context, Data, Outcome, System
from lightning_modules.objectives.layered.trace import layers_of

# At the first step, of the first and of the last layer's weights: within a factor of 2 of what was checked.
NORMS: dict[str, tuple[Expectation, Expectation]] = {
    "uniform ±0.01": (between(1e-10, 4e-10), between(1e-10, 4e-10)),
    "uniform ±0.1": (between(1e-3, 4e-3), between(1e-3, 4e-3)),
    "uniform ±2": (between(14, 56), between(0.05, 0.2)),
    "Xavier": (between(0.45, 1.8), between(0.09, 0.36)),
}
# Published, expected.
ACCURACIES: dict[str, tuple[str, Expectation]] = {
    "uniform ±0.01": ("0.1135", near(0.1135, 0.00005)),
    "uniform ±0.1": ("0.1135", near(0.1135, 0.00005)),
    "uniform ±2": ("0.103", between(0.08, 0.13)),
    "Xavier": ("0.766", between(0.75, 0.9)),  # one run of it; seeds differ by as much
    "Xavier, diagonal Newton": ("", at_least(0.9)),
}


def compare_initializations(context: Context) -> Outcome:
    """A fit for each initialisation, its norms as they were logged."""
    comparison = comparison_of(context, "mnist_deep_tanh")
    norms: dict[str, list[float]] = {}
    accuracies: dict[str, list[float]] = {}
    for label, method in comparison["methods"].items():
        context.show_step(label)
        norms[label], accuracies[label] = fit_and_log_norms(comparison, method)
    path = context.output / "gradient_norms.png"
    write_picture(draw_norms(norms, accuracies), path)
    claims = []
    for label, (first, last) in NORMS.items():
        by_layer = weight_norms(comparison, comparison["methods"][label])
        claims.append(Claim(f"‖∂L/∂W‖ of the first layer, {label}", "", first, by_layer[0], ".1e"))
        claims.append(Claim(f"‖∂L/∂W‖ of the last layer, {label}", "", last, by_layer[-1], ".1e"))
    for label, (published, expected) in ACCURACIES.items():
        name = f"test accuracy after 5 epochs, {label}"
        claims.append(Claim(name, published, expected, accuracies[label][-1], is_headline=True))
    return Outcome(claims, [path])


def weight_norms(comparison: dict[str, Any], method: dict[str, Any]) -> list[float]:
    """Of every layer at the start, on the first batch, without the biases: what is logged, and drawn, has them as well.

    Under small weights the last layer's bias has nearly all of its gradient.
    """
    cli = make_cli(comparison, method, {"logger": False, "enable_progress_bar": False})
    batch = next(iter(cli.datamodule.train_dataloader()))
    objective = cli.model.objective(cli.datamodule.convert(batch, torch.float32))
    gradient = objective.at(parameters_to_vector(cli.model.parameters())).gradient
    return [float(layer.weight.norm()) for layer in layers_of(cli.model.network, gradient)]


SYSTEM = System(
    "S15",
    compare_initializations,
    needs=Data.MNIST,
    page_pictures={
        "gradient_norms.png": "Gradient norms of the weights and biases of each layer at the first step, and what is learnt"
    },
)
