"""S16: least squares in closed form, the oracle of Newton's method and of gradient descent.

    L(w) = ½ ‖Xw − y‖²,   w* = (XᵀX)⁻¹ Xᵀy
    w_k  = (I − αXᵀX)ᵏ w_0 + Σ_{i<k} (I − αXᵀX)ⁱ αXᵀy          converges if and only if 0 < α < 2/λ_max

The project's loss is the mean over n rows, so its step size is αn. The bias is the weight of a column of ones.
"""

import warnings
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader, TensorDataset

from callbacks.log_scale import scale_log
from callbacks.method_styles import method_styles
from callbacks.okabe_ito import BLACK, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from callbacks.picture_file import write_picture
from evidence.systems.expectation import at_least, at_most
from evidence.systems.random_rows import targets
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules import LinearRegression
from lightning_modules.optimizers import GradientDescent, Newton
from lightning_modules.training import OptimizerCallable

ROWS, WIDTHS, STEPS = 200, (7, 1), 60
# α λ_max: two that converge, from either side, and one that does not.
SHARES = (0.3, 1.9, 2.1)
START = 10.0


class Problem(NamedTuple):
    """X with its column of ones (n, d + 1), y (n, 1), the minimiser (d + 1, 1), λ_max of XᵀX."""

    x: Tensor
    y: Tensor
    minimiser: Tensor
    largest: float


class Iterates(Callback):
    """Keeps θ from the start on, after every epoch, which is a step."""

    def __init__(self) -> None:
        self.thetas: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._keep(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._keep(pl_module)

    def _keep(self, pl_module: LightningModule) -> None:
        self.thetas.append(parameters_to_vector(pl_module.parameters()).detach().clone())


def compare_with_closed_form(context: Context) -> Outcome:
    """One step of Newton's method, and the path of gradient descent for three step sizes."""
    problem = make_problem()
    newton = iterates(problem, Newton, 1)
    claims = [
        Claim(
            "distance of Newton's first iterate from the minimiser, as a share of the start's",
            "0",
            at_most(1e-12),
            distances(newton, problem)[1],
            ".1e",
            is_headline=True,
        )
    ]
    paths, exact_paths = {}, {}
    for share in SHARES:
        alpha = share / problem.largest
        taken = iterates(problem, partial(GradientDescent, lr=alpha * ROWS), STEPS)
        exact = closed_form(problem, taken[0], alpha, len(taken))
        paths[share], exact_paths[share] = distances(taken, problem), distances(exact, problem)
        difference = float((taken - exact).abs().max() / exact.abs().max())
        name = f"gradient descent, α = {share:g}/λ_max: largest difference of {len(taken) - 1} iterates from the closed form"
        claims.append(Claim(name, "0", at_most(1e-12), difference, ".1e", is_headline=share == SHARES[0]))
    below, above = SHARES[1:]
    name = "distance from the minimiser at the end, as a share of the start's, α = {:g}/λ_max"
    claims += [
        Claim(name.format(below), "converges", at_most(0.1), paths[below][-1], ".1e"),
        Claim(name.format(above), "diverges", at_least(10), paths[above][-1], ".1e"),
    ]
    return Outcome(claims, [draw(paths, exact_paths, distances(newton, problem), context.output)])


def make_problem() -> Problem:
    """Random rows."""
    features, y = targets(ROWS, WIDTHS)
    x = torch.cat([features, torch.ones(ROWS, 1, dtype=torch.float64)], 1)
    gram = x.T @ x
    return Problem(x, y, torch.linalg.solve(gram, x.T @ y), float(torch.linalg.eigvalsh(gram)[-1]))


def iterates(problem: Problem, optimizer: OptimizerCallable, steps: int) -> Tensor:
    """θ at the start and after each step of a fit, fewer than `steps` if it converges: (k, d + 1)."""
    model, kept = LinearRegression(WIDTHS[0], optimizer=optimizer), Iterates()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(START)
    trainer = Trainer(
        accelerator="cpu",
        precision="64-true",
        max_epochs=steps,
        callbacks=[kept],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        log_every_n_steps=1,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You defined a `validation_step` but have no `val_dataloader`")  # on purpose
        trainer.fit(model, DataLoader(TensorDataset(problem.x[:, :-1], problem.y), batch_size=ROWS))
    return torch.stack(kept.thetas)


def closed_form(problem: Problem, start: Tensor, alpha: float, count: int) -> Tensor:
    """w_0, w_1, … by the formula: (d + 1,) -> (count, d + 1)."""
    contraction = torch.eye(len(start), dtype=torch.float64) - alpha * problem.x.T @ problem.x
    power, added = torch.eye(len(start), dtype=torch.float64), torch.zeros_like(start)
    found = []
    for _ in range(count):
        found.append(power @ start + added)
        added = added + power @ (alpha * problem.x.T @ problem.y)[:, 0]
        power = power @ contraction
    return torch.stack(found)


def distances(thetas: Tensor, problem: Problem) -> list[float]:
    """‖w_k − w*‖ / ‖w_0 − w*‖ of each iterate (k, d + 1)."""
    lengths = (thetas - problem.minimiser[:, 0]).norm(dim=1)
    return (lengths / lengths[0]).tolist()


# Of step sizes; Newton's method has its own.
COLORS = (BLACK, VERMILLION, PURPLE, SKY, ORANGE, GREEN)


def draw(paths: dict[float, list[float]], exact_paths: dict[float, list[float]], newton: list[float], output: Path) -> Path:
    """Iterates as dots over the closed form as lines."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for color, (share, values) in zip(COLORS, paths.items(), strict=False):
        axes.plot(exact_paths[share], color=color, linewidth=1.5, label=f"closed form, α = {share:g}/λ_max")
        axes.plot(values, "o", color=color, markersize=4, markerfacecolor="none", label="gradient descent")
    style = method_styles(["Newton"])["Newton"]
    axes.plot(newton, marker=style.marker, markersize=5, label="Newton", **style.line)
    axes.set(xlabel="iterate k", ylabel="‖w_k − w*‖ / ‖w_0 − w*‖")
    scale_log(axes.yaxis, chain(newton, *paths.values(), *exact_paths.values()))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    path = output / "iterates.png"
    write_picture(figure, path)
    return path


SYSTEM = System("S16", compare_with_closed_form, is_exact=True)
