"""What a run ends with: a file for machines, a short table for people, the same beside the curves in TensorBoard."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger
from rich.table import Table

from callbacks.coefficient_intervals import as_rows
from callbacks.names_as_text import in_markdown
from command_line.aligned_numbers import aligned
from command_line.coefficient_table import coefficient_table, effect_table, num_shown
from command_line.fit_cli import FitCLI
from command_line.four_digits import four_digits
from command_line.statistics_table import statistics_table
from command_line.table_report import as_plain, markdown, show_report
from command_line.terminal import Terminal
from command_line.wrapped import command
from lightning_modules.linear.l1_options import RULES

# More than a screen of them are left to `summary.json`.
MOST_COEFFICIENTS = 32
LIBRARIES = ("torch", "pytorch-lightning", "torchmetrics", "scikit-learn", "lightning-newton")


def summarize(cli: FitCLI, metrics: dict[str, float]) -> dict[str, Any]:
    """Results and circumstances of a finished run, as plain values."""
    data, model, method = cli.names
    return {
        **metrics,
        "epochs": cli.trainer.current_epoch,
        "train_seconds": cli.training_time.seconds,
        "status": cli.convergence_status.status,
        "status_message": cli.convergence_status.message,
        "coefficients": as_rows(cli.coefficient_intervals.table),
        "coefficient_unit": getattr(getattr(cli.model, "family", None), "predictor", None),
        "covariance": cli.coefficient_intervals.covariance,
        "level": cli.coefficient_intervals.level,
        "intervals": cli.coefficient_intervals.intervals,
        "marginal_effects": as_rows(cli.coefficient_intervals.effects),
        "statistics": cli.coefficient_intervals.statistics,
        "method": method,
        "model": model,
        "l2": getattr(cli.model, "l2", None),
        **of_l1(cli.model, cli.convergence_status.gap),
        **({"dispersion": cli.model.dispersion} if getattr(cli.model, "is_estimated", False) else {}),
        "data": data,
        "table": as_plain(getattr(cli.datamodule, "report", None)),
        "seed": cli.config.seed_everything,
        "weights": cli.config.test_weights,
        "weights_epoch": cli.tested_epoch,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def of_l1(model: Any, gap: float | None) -> dict[str, Any]:
    """What there is to say of an l1 penalty; nothing of a model without one."""
    if not getattr(model, "is_sparse", False):
        return {}
    is_chosen = isinstance(model.l1, str)
    return {
        "l1": model.chosen_l1 if is_chosen else model.l1,
        "l1_chosen_by": model.l1 if is_chosen else None,
        "duality_gap": gap,
        "zero_coefficients": model.zeros,
        "num_coefficients": model.linear.weight.numel(),
    }


def show(summary: dict[str, Any], log_dir: Path | None, to_look: str | None = None) -> None:
    """Print the table, the path of the logs, and the command to look at them by, if there is one."""
    console = Terminal()
    console.say(f"{summary['model']} on {summary['data']} by {summary['method']}")
    show_report(console, summary["table"])
    table = Table(show_header=False)
    names, values = zip(*results(summary), strict=True)
    for row in zip(names, aligned(values), strict=True):
        table.add_row(*row)
    console.print(table)
    for count, what, print_table in (
        (num_shown(summary), "coefficients", lambda: coefficient_table(console, summary)),
        (len(summary["marginal_effects"]), "marginal effects", lambda: effect_table(summary)),
    ):
        if count > MOST_COEFFICIENTS:
            console.say(f"all {count} {what} are in summary.json; a table of them is for up to {MOST_COEFFICIENTS}")
        elif count:
            console.print(print_table())
    if summary["statistics"]:
        console.print(statistics_table(summary["statistics"]))
    console.say(summary["status_message"])
    if log_dir is not None:
        console.say(f"logs: {log_dir}")
        if to_look is not None:
            console.print(
                command(f"look: {to_look}", console.width) if console.is_terminal else f"look: {to_look}", soft_wrap=True
            )


def log_text(summary: dict[str, Any], loggers: list[Logger], step: int) -> None:
    """The same table, with what was run and on what, in TensorBoard's text tab, at the step of the verdict."""
    circumstances = [(name, str(summary[name])) for name in ("status_message", "method", "model", "data", "seed", "weights")]
    versions = [(name, number) for name, number in summary["versions"].items()]
    rows = [
        f"| {in_markdown(name.replace('_', ' '))} | {in_markdown(value)} |"
        for name, value in (*results(summary), *circumstances, *versions)
    ]
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text("summary", "\n".join(["| result | value |", "|---|---|", *rows]), step)
            if summary["table"] is not None:
                logger.experiment.add_text("table", markdown(summary["table"]), step)
            logger.experiment.close()  # and the thread it writes by


def results(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what a run is judged by."""
    return [
        *((name.replace("test/", "test "), four_digits(value)) for name, value in summary.items() if name.startswith("test/")),
        *([] if any(name.startswith("test/") for name in summary) else [("test", "none")]),
        *(
            [("weights tested", f"best, of epoch {best} of {summary['epochs']}")]
            if (best := summary.get("weights_epoch"))
            else []
        ),
        *([("penalty l2", f"{summary['l2']:g}")] if summary["l2"] is not None else []),
        *of_penalty(summary),
        # Of a fit without a penalty it is told with its standard error.
        *([("dispersion α", f"{summary['dispersion']:.6g}")] if "dispersion" in summary and not summary["statistics"] else []),
        ("epochs", str(summary["epochs"])),
        ("seconds of training", f"{summary['train_seconds']:.3f}"),
        ("ended as", str(summary["status"])),
    ]


def of_penalty(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows on an l1 penalty, if there is one."""
    if "l1" not in summary:
        return []
    gap, rule = summary["duality_gap"], summary["l1_chosen_by"]
    chosen = "" if rule is None else f", chosen by cross-validation: {RULES[rule]}"
    return [
        ("penalty l1", ("none yet" if summary["l1"] is None else f"{summary['l1']:.6g}") + chosen),
        ("coefficients that are 0", f"{summary['zero_coefficients']} of {summary['num_coefficients']}"),
        *([] if gap is None else [("duality gap", f"{gap:.1e}")]),
    ]
