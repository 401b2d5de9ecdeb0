"""S12: a small network on California housing, and the line that an exact solver must find."""

from typing import Any

from command_line.base_config import CONFIGS, read_config
from comparing.run import make_cli
from comparing.study_figures import draw_study
from comparing.study_run import with_settings

from evidence.systems.comparisons import comparison_of, smallest, studied
from evidence.systems.expectation import Expectation, at_most, between, near
from evidence.systems.system import Claim, Context, Data, Outcome, System

# Test MAE, published and expected.
NETWORKS: dict[str, tuple[str, Expectation]] = {
    "Newton": ("", at_most(0.356)),
    "Adam": ("", between(0.35, 0.367)),
    "Adam, the recipe": ("0.8833 (wrong)", between(0.44, 0.49)),
    "Adam, the recipe for longer": ("", between(0.375, 0.395)),
}
# Near what validation chose among twelve.
ADAM = {"optimizer.lr": 0.03, "data.batch_size": 128}


def fit_networks_and_line(context: Context) -> Outcome:
    """The network by Newton's method and Adam, the exact line, and what a constant has."""
    comparison = comparison_of(context, "california_mlp")
    if not context.long:
        comparison["seeds"] = comparison["seeds"][:1]
        comparison["methods"]["Adam"] = with_settings({**comparison["methods"]["Adam"], "tune": {}}, ADAM)
    studies = studied(context, comparison)
    claims = [
        Claim(f"test MAE, {label}", published, expected, studies[label].median("test/mae"), is_headline=True)
        for label, (published, expected) in NETWORKS.items()
    ]
    claims.append(constant(comparison))
    line = studied(context, line_of(context))["Newton"]
    for name, expected in (("r2", near(0.6037, 0.002)), ("mae", near(0.5316, 0.002))):
        text = f"linear regression, 5-fold test {'R²' if name == 'r2' else 'MAE'}"
        claims.append(Claim(text, "", expected, line.median(f"test/{name}"), is_headline=True))
    return Outcome(claims, draw_study(list(studies.values()), comparison["select"], context.output, comparison["unit"]))


def constant(comparison: dict[str, Any]) -> Claim:
    """The MAE of predicting the training rows' median, which the published number nearly is."""
    cli = make_cli(comparison, comparison["methods"]["Newton"], {"logger": False, "enable_checkpointing": False})
    median = cli.datamodule.splits["train"][1].median()
    mae = float((cli.datamodule.splits["test"][1] - median).abs().mean())
    return Claim("test MAE of the training median", "0.8826", near(0.8826, 0.002), mae)


def line_of(context: Context) -> dict[str, Any]:
    """`fit.py`'s file for linear regression by Newton's method, as a cross-validation."""
    config = read_config(CONFIGS / "california_linear_newton.yaml")
    model = config["model"]
    optimizer = model["init_args"].pop("optimizer")
    config["data"]["init_args"] |= {"data_dir": str(context.data_dir), "val_fraction": 0.0}
    comparison = {
        "data": config["data"],
        "model": model,
        "methods": {"Newton": {"max_epochs": 5, "optimizer": optimizer}},
        "trainer": {},
        "select": "val/loss",
        "seeds": [0],
        "folds": 5,
    }
    return smallest(comparison) if context.quick else comparison


SYSTEM = System(
    "S12",
    fit_networks_and_line,
    wrong="The published test MAE of 0.8833 came from a broadcasting slip, (B,1,1) − (B,1) → (B,B,1), under which the network "
    "learns the median, whose MAE is 0.8826.",
    shortened="One seed, and Adam's step size and batch are known to be good. --long chooses among twelve and runs five seeds.",
    needs=Data.CALIFORNIA,
)
