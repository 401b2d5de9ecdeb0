"""Time the Jacobian of a deep tanh network by forward and by reverse accumulation. `--help` lists the options.

    f(x) = W_F tanh(W_L … tanh(W_1 x)),       D inputs, L hidden layers of D units, P outputs.

Forward accumulation carries D tangents through every layer, reverse accumulation P adjoints: they cost the same at P = D.
"""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say
from command_line.terminal import Terminal


def main(args: list[str]) -> None:
    """Measure, print the table, write the figure and print its path."""
    parser = ProgramParser(prog="show_jacobians.py", description=__doc__)
    parser.add_argument("--width", type=int, default=500, help="D, the number of inputs and of units in each hidden layer.")
    parser.add_argument("--repeats", type=int, default=11, help="Measurements of each case, of which the median is drawn.")
    parser.add_argument("--threads", type=int, default=1, help="Of torch; several wait for one another on a busy machine.")
    parser.add_argument("--seed", type=int, default=0, help="Of the weights and the input.")
    parser.add_argument("--output", type=str, default="jacobians.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    if min(options.width, options.repeats, options.threads) < 1:
        raise ValueError(f"--width={options.width} --repeats={options.repeats} --threads={options.threads}: all must be ≥ 1")
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        import torch  # noqa: PLC0415
        from evidence.systems.jacobian_times import time_jacobians, times_figure, times_table  # noqa: PLC0415

        from callbacks.picture_file import write_picture  # noqa: PLC0415

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    times = time_jacobians(options.width, options.repeats)
    Terminal().print(times_table(times, options.width))
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(times_figure(times, options.width), path)
    say(path)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
