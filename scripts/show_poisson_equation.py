"""Solve Poisson's equation by a network, by Newton's method and by L-BFGS in the same seconds. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say

# Moments at which the error is looked at, after the methods have ended.
MOMENTS = 60
ENOUGH = 1e-7


def main(args: list[str]) -> None:
    """Print the relative errors in the course of time, write the figure, print its path."""
    parser = ProgramParser(prog="show_poisson_equation.py", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="Time that each method has.")
    parser.add_argument("--width", type=int, default=64, help="Number of hidden units; there are 4 parameters for each, and 1.")
    parser.add_argument("--points", type=int, default=400, help="Number of points within; a quarter as many at the boundary.")
    parser.add_argument("--seed", type=int, default=0, help="Of the points and the first weights.")
    parser.add_argument("--output", type=str, default="poisson_equation.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    if options.width < 1 or options.points < 4 or not options.seconds > 0:
        raise ValueError(
            f"--width={options.width} --points={options.points} --seconds={options.seconds}: give at least 1 unit, 4 points, "
            "and some time"
        )
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from evidence.systems.poisson_equation import PoissonEquation, by_lbfgs, by_newton, errors, relative_error  # noqa: PLC0415
        from evidence.systems.poisson_figure import draw_courses  # noqa: PLC0415

        from callbacks.picture_file import write_picture  # noqa: PLC0415
        from lightning_modules.objectives import undivided  # noqa: PLC0415

    problem = PoissonEquation(options.width, options.points, options.points // 4, options.seed)
    say(f"{len(problem.start)} parameters, {options.points} points within and {options.points // 4} at the boundary")
    # Many small operations: shared between cores they take longer.
    with undivided():
        courses = {
            "Newton's method": by_newton(problem, options.seconds),
            "L-BFGS": by_lbfgs(problem, options.seconds),
        }
    curves = {}
    for name, moments in courses.items():
        seen = [*moments[:: max(1, len(moments) // MOMENTS)], moments[-1]]
        curve = curves[name] = [(moment.seconds, relative_error(moment.theta)) for moment in seen]
        reached = next((f", at most {ENOUGH:g} from {seconds:.1f} s on" for seconds, error in curve if error <= ENOUGH), "")
        say(f"{name}: relative error {curve[-1][1]:.1e} after {curve[-1][0]:.1f} s{reached}")
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(draw_courses(curves, errors(courses["Newton's method"][-1].theta)), path)
    say(path)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
