"""The errors of the ways to a solution of Poisson's equation, drawn."""

from matplotlib.figure import Figure
from torch import Tensor

from callbacks.log_scale import scale_log
from callbacks.method_styles import method_styles


def draw_courses(courses: dict[str, list[tuple[float, float]]], errors: Tensor) -> Figure:
    """Relative errors by seconds of each method, and where on the square the first one's last error lies.

    Args:
        courses: (seconds, relative error) of moments of each method.
        errors: u(x; θ) − u(x) on a grid of the square, x₁ down the rows.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    styles = method_styles(courses)
    for name, course in courses.items():
        left.plot(*zip(*course, strict=True), label=name, linewidth=1.8, **styles[name].line)
    scale_log(left.yaxis, (error for course in courses.values() for _, error in course))
    left.set(xlabel="seconds", ylabel="relative L2 error", title="−Δu = f in the unit square, tanh network")
    left.legend(frameon=False)
    left.grid(alpha=0.3)
    # An error of exactly 0 has no logarithm.
    drawn = errors.abs().clamp_min(1e-17).log10().T
    image = right.imshow(drawn.numpy(), origin="lower", extent=(0.0, 1.0, 0.0, 1.0))
    figure.colorbar(image, ax=right, label="log₁₀ |error|")
    right.set(xlabel="x₁", ylabel="x₂", title=next(iter(courses)))
    return figure
