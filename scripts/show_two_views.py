"""Draw one minibatch of MNIST with its two views: original and label, view 1, view 2. `--help` lists the options."""

import command_line.interruptible  # noqa: F401, I001 – first, so that Ctrl-C is answered during the others
import sys
from pathlib import Path

from command_line.interruptible import importing
from command_line.one_line_errors import run
from command_line.program_parser import ProgramParser
from command_line.saying import say


def main(args: list[str]) -> None:
    """Write the figure and print its path."""
    parser = ProgramParser(prog="show_two_views.py", description=__doc__)
    parser.add_argument("--data_dir", type=str, default="data", help="Folder of MNIST, in torchvision's layout.")
    parser.add_argument("--download", action="store_true", help="Download MNIST if it is not there.")
    parser.add_argument("--seed", type=int, default=0, help="Of the choice of images and of the views.")
    parser.add_argument("--output", type=str, default="two_views.png", help="File to write, .png, .pdf or .svg.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    options = parser.parse_args(args)
    # Torch takes seconds, in which Ctrl-C ends the program; nothing above needs it.
    with importing():
        import torch  # noqa: PLC0415
        from torch.utils.data import DataLoader  # noqa: PLC0415

        from callbacks.features.two_view_grid import draw_two_views  # noqa: PLC0415
        from callbacks.picture_file import write_picture  # noqa: PLC0415
        from datamodules import MNISTTwoView  # noqa: PLC0415

    torch.manual_seed(options.seed)
    loader = DataLoader(MNISTTwoView(options.data_dir, download=options.download), batch_size=8, shuffle=True)
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    original, first, second, labels = next(iter(loader))
    write_picture(draw_two_views(original, first, second, labels), path)
    say(path)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
