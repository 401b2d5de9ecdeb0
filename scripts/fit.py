"""Fit a model, test it, log it. `python scripts/fit.py --help` lists every option."""

import sys

from command_line.base_config import with_base
from command_line.environment import check_environment
from command_line.fit_cli import FitCLI
from command_line.fitting import fit
from command_line.one_line_errors import run
from command_line.quiet import quiet, show_notes
from command_line.summary import show


def main(args: list[str]) -> None:
    """Run one fit from command-line arguments."""
    quiet()
    show_notes()
    check_environment()
    cli = FitCLI(with_base(args))
    summary, log_dir = fit(cli)
    if cli.trainer.is_global_zero:
        show(summary, log_dir)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
