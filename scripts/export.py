"""Write a trained model as a program that runs without this project. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.output_file import output_file
from command_line.program_parser import ProgramParser
from command_line.saying import say, say_lines
from predicting.precisions import PRECISIONS

from datamodules.messages import counted

FORMATS = (".pt2", ".onnx")


def main(args: list[str]) -> None:
    """Write the program and print what goes in and what comes out."""
    parser = ProgramParser(prog="export.py", description=__doc__)
    parser.add_argument("--ckpt", type=str, required=True, help="A checkpoint of fit.py, best.ckpt or last.ckpt.")
    parser.add_argument("--output", type=str, required=True, help="model.pt2 for torch.export, model.onnx for ONNX.")
    parser.add_argument("--precision", choices=[*PRECISIONS, None], default=None, help="Default: the model's; ONNX float32.")
    parser.add_argument("--overwrite", action="store_true", help="Replace the output if it is there.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    if not args:
        say_lines(parser.format_help())
        return
    options = parser.parse_args(args)
    output = Path(options.output)
    if output.suffix not in FORMATS:
        raise ValueError(f"--output={output}: programs are written as {' or '.join(FORMATS)}")
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        from predicting.program import program  # noqa: PLC0415
        from predicting.trained import read_trained  # noqa: PLC0415

    trained = read_trained(Path(options.ckpt))
    with output_file(output, options.overwrite) as temporary:
        temporary.write_bytes(program(trained, output.suffix, options.precision))
    names = trained.preprocessing.class_names
    out = f"probabilities of {', '.join(names)}" if names else "values"
    offset = " and, as the last column, the offset" if trained.preprocessing.given.has_offset else ""
    say(f"{output}: rows of {counted(len(trained.preprocessing.feature_names), 'feature')}, unscaled{offset}, to {out}")


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
