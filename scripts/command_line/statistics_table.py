"""How well a linear model fits as a whole, as a table for a terminal."""

from rich.table import Table

from command_line.aligned_numbers import aligned

# What is shown, of `FitStatistics`, and how it is called.
NAMES = {
    "log_likelihood": "log-likelihood",
    "null_log_likelihood": "… without features",
    "aic": "AIC",
    "bic": "BIC",
    "deviance": "deviance",
    "null_deviance": "… without features",
    "deviance_explained": "share of it explained",
    "mcfadden": "McFadden's pseudo-R²",
    "dispersion": "dispersion",
    "alpha": "dispersion α of μ + αμ²",  # ± its standard error
}
# Where counts vary no more than Poisson's.
NEXT_TO_0 = 1.1e-8


def statistics_table(statistics: dict[str, float | None]) -> Table:
    """Those that there are, and the test of all coefficients but the intercept."""
    rows: list[tuple[str, str]] = []
    for name, title in NAMES.items():
        value = statistics[name]
        if value is not None and not (name == "dispersion" and value == 1):
            error = statistics.get(f"{name}_error")
            is_nothing = name == "alpha" and value < NEXT_TO_0
            rows.append((title, "next to 0" if is_nothing else f"{value:.6g}" + ("" if error is None else f" ± {error:.2g}")))
    ratio, p_value = statistics["ratio"], statistics["ratio_p_value"]
    if ratio is not None and p_value is not None:
        freedom = f"likelihood ratio (χ², {statistics['ratio_freedom']:g} d.f.)"
        rows.append((freedom, f"{ratio:.4g}, p = {p_value:.2g}"))
    table = Table("of the whole model", "on the training rows")
    for title, number in zip((title for title, _ in rows), aligned([number for _, number in rows]), strict=True):
        table.add_row(title, number)
    return table
