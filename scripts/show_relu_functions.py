"""Draw two functions as sums of ReLUs: the tent and the dead zone, over their exact networks. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say


def main(args: list[str]) -> None:
    """Write the figure, print the largest differences and the figure's path."""
    parser = ProgramParser(prog="show_relu_functions.py", description=__doc__)
    parser.add_argument("--threshold", type=float, default=0.5, help="Half-width s of the dead zone.")
    parser.add_argument("--points", type=int, default=1001, help="Number of points x of each function.")
    parser.add_argument("--output", type=str, default="relu_functions.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    if options.points < 2:
        raise ValueError(f"--points={options.points}: a curve takes at least 2")
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.systems.relu_figure import draw_functions  # noqa: PLC0415

        from callbacks.picture_file import write_picture  # noqa: PLC0415

    figure, differences = draw_functions(options.threshold, options.points)
    for title, difference in differences.items():
        say(f"{title}: largest difference {difference:.1e} at {options.points} points")
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(figure, path)
    say(path)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
