"""Print the second derivatives of a chain of four tanh neurons, step by step. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say
from command_line.terminal import Terminal


def main(args: list[str]) -> None:
    """Print the forward values, the two sweeps and the Hessian."""
    parser = ProgramParser(prog="show_second_derivatives.py", description=__doc__)
    parser.add_argument("--digits", type=int, default=4, help="Digits behind the point.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    if not 1 <= options.digits <= 15:
        raise ValueError(f"--digits={options.digits}: a double-precision number has 1 to 15 that mean something")
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.systems.chain_steps import PUBLISHED, chain_steps, step_tables  # noqa: PLC0415

    found = chain_steps()
    for step in step_tables(found, options.digits):
        Terminal(width=20 * (options.digits + 6)).print(step)
    for (row, column), published in PUBLISHED.items():
        exact = float(found.hessian[row - 1, column - 1])
        say(f"entry ({row},{column}) has been published as {published}: that is wrong, it is {exact:.{options.digits}f}")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
