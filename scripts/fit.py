"""Fit a model, test it, log it. `python scripts/fit.py --help` says how."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys

from command_line.base_config import with_base
from command_line.environment import check_environment
from command_line.first_look import first_look
from command_line.help_page import first_help
from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.quiet import quiet, show_notes
from command_line.saying import say_lines
from command_line.unknown_classes import refuse_unknown_classes
from command_line.unknown_options import refuse_unknown_options


def main(args: list[str]) -> None:
    """Run one fit from command-line arguments."""
    check_environment()
    if (page := first_help(args)) is not None:
        say_lines(page)
        return
    refuse_unknown_options(args)
    whole = with_base(args)
    refuse_unknown_classes(whole)
    first_look(whole)
    # Torch and Lightning take seconds, in which Ctrl-C ends the program; nothing above needs them.
    with importing():
        from command_line.class_help import asked_help  # noqa: PLC0415
        from command_line.fit_cli import FitCLI  # noqa: PLC0415
        from command_line.fitting import fit  # noqa: PLC0415
        from command_line.summary import show  # noqa: PLC0415
        from command_line.tensorboard_command import tensorboard_command  # noqa: PLC0415

    quiet()
    show_notes()
    if (page := asked_help(args)) is not None:
        say_lines(page)
        return
    cli = FitCLI(whole)
    summary, log_dir = fit(cli)
    if cli.trainer.is_global_zero:
        show(summary, log_dir, tensorboard_command(cli.trainer.loggers))


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
