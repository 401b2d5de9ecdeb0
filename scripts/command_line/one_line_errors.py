"""An error is a user interface: one line on the error stream, a non-zero exit, the traceback on demand."""

import os
import re
import traceback
from collections.abc import Callable

from command_line.flags import in_flags
from command_line.interruptible import raise_at_ctrl_c, was_pressed
from command_line.kept_memory import keep_freed_memory
from command_line.parse_reasons import plain, reason
from command_line.saying import complain, guard_terminal
from command_line.terminable import raise_when_asked_to_end
from command_line.whole_files import NO_ROOM
from datamodules.messages import counted

# What gloo and NCCL say when another process has gone.
LOST = re.compile(r"Connection (closed|reset) by peer|Broken pipe|recvBytes|[Tt]imed? ?out waiting for|ncclRemoteError")


FEWER_EPOCHS = re.compile(r"restored a checkpoint with current_epoch=\d+, but you have set Trainer\(max_epochs=(\d+)\)")
# As what Lightning raises that an option makes no sense.
REFUSALS = (ValueError, TypeError, RuntimeError, ImportError)


class CommandLineError(ValueError):
    """The command line or a configuration file asks for something that does not exist."""


def run(main: Callable[[list[str]], None], args: list[str]) -> int:
    """Run a script's main function and return its exit status: 2 for a command line that makes no sense, 1 otherwise.

    Raises nothing but what `--debug` among the arguments lets through.
    """
    raise_at_ctrl_c()
    keep_freed_memory()
    guard_terminal()
    try:
        refuse_unreadable(args)
        with raise_when_asked_to_end():
            main(args)
    except KeyboardInterrupt as stop:
        end_what_was_begun(stop)
        complain(f"interrupted: {stop}" if str(stop) else "interrupted")
        return 130
    except Exception as error:
        if "--debug" in args:
            raise
        end_what_was_begun(error)
        if was_pressed() and (isinstance(error, ImportError) or is_of_lost_process(error)):
            complain("interrupted")
            return 130
        rank = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))
        where = f" (process {rank})" if rank.isdigit() and int(rank) else ""
        complain(f"error{where}: {one_line(error)}")
        return 2 if isinstance(error, CommandLineError) else 1
    return 0


def is_of_lost_process(error: BaseException) -> bool:
    """Whether another process of the run is gone, as it is where Ctrl-C has ended it."""
    return isinstance(error, RuntimeError) and LOST.search(str(error)) is not None


def end_what_was_begun(stop: BaseException) -> None:
    """End loops that an exception broke off and keeps as they were: a bar stands in the line where its message would begin."""
    traceback.clear_frames(stop.__traceback__)


def refuse_unreadable(args: list[str]) -> None:
    """Refuse names that are no text: they could be written neither into a configuration nor beside the results.

    Raises:
        CommandLineError: says which.
    """
    for arg in args:
        if any("\ud800" <= sign <= "\udfff" for sign in arg):
            raise CommandLineError(f"{arg} has bytes in it that are no UTF-8: rename the file or folder")


def one_line(error: Exception) -> str:
    """What a user needs of an exception: its message, or where it came from if it has none of ours."""
    origin = traceback.extract_tb(error.__traceback__)[-1].filename if error.__traceback__ else ""
    # Only what a parser says is taken apart: another message may name a column that reads like it.
    is_of_a_parser = isinstance(error, CommandLineError) or "/jsonargparse/" in origin
    message = (reason if is_of_a_parser else plain)(str(error))
    is_of_a_connection = isinstance(error, RuntimeError)
    if is_of_a_connection and (port := re.search(r"EADDRINUSE.*?port: (\d+)|port: (\d+).*?EADDRINUSE", message)):
        number = port[1] or port[2]
        return f"port {number} is in use by another program or run: set another by the environment variable MASTER_PORT"
    if is_of_lost_process(error):
        return (
            "another process of this run has ended or cannot be reached, so this one stops, too: see what that one said, then "
            f"go on from the last checkpoint with --ckpt_path=last ({message[:100]})"
        )
    if "/torch/optim/" in origin:
        return f"the optimizer refuses: {message}; --model.optimizer.help=CLASS explains its options"
    if fewer := FEWER_EPOCHS.search(message):
        return f"the run has gone on beyond {counted(int(fewer[1]), 'epoch')} already: give more as --trainer.max_epochs"
    by_lightning = "/pytorch_lightning/" in origin or "/lightning_fabric/" in origin
    if by_lightning and (isinstance(error, REFUSALS) or type(error).__name__ == "MisconfigurationException"):
        return f"{message.rstrip('.')}; --help explains the options"
    if isinstance(error, OSError) and error.errno in NO_ROOM and message.startswith("[Errno"):
        where = f" ({os.fsdecode(error.filename)})" if error.filename is not None else ""
        return (
            f"there is no room to write to{where}: {error.strerror}; free some, or name a folder elsewhere, by "
            "--trainer.default_root_dir or --output"
        )
    if isinstance(error, OSError) and error.filename is not None and message.startswith("[Errno"):
        return of_a_file(os.fsdecode(error.filename), error.strerror or message)
    if isinstance(error, (ValueError, OSError, ArithmeticError)) or type(error).__name__ == "MisconfigurationException":
        return in_flags(message)
    frames = traceback.extract_tb(error.__traceback__)
    if any(frame.filename.endswith("checkpoint_connector.py") for frame in frames):
        return (
            f"the checkpoint holds other than a run of these settings writes ({type(error).__name__}: {message[:100]}): "
            "take an earlier one, or start anew without --ckpt_path"
        )
    frame = frames[-1]
    return f"{type(error).__name__} in {frame.name}: {message} (unexpected; --debug shows the traceback)"


def of_a_file(name: str, what: str) -> str:
    """What the system says of a file, in the user's terms where it is one of the run's own."""
    if ".tfevents." in name or name.endswith("metrics.csv"):
        return (
            f"the logs of this run cannot be written any more ({name}: {what}), so it ends here: leave them where they are, on "
            "a disk with space, while a run goes on"
        )
    return f"{name}: {what}"
