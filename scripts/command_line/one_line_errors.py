"""An error is a user interface: one line on the error stream, a non-zero exit, the traceback on demand."""

import os
import re
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches

import datamodules
from command_line.flags import in_flags

# What jsonargparse wraps around the reason of a refusal.
WRAPPING = re.compile(r"Parser key|Does not validate against|Subtypes:|Errors:|Problem with given class_path|Given value|$")


def _models() -> list[str]:
    import lightning_modules  # noqa: PLC0415 – torch takes seconds, and most errors name no model

    return [name for name in lightning_modules.__all__ if name != "ObjectiveModule"]


# What may be named at a place; asked for when something else was.
CLASSES: dict[str, Callable[[], list[str]]] = {
    # Those that a command line can make: not from arrays, nor what is no data module.
    "data": lambda: [name for name in datamodules.__all__ if name not in ("ArrayDataModule", "MNISTTwoView")],
    "model": _models,
    "optimizer": lambda: [
        "GradientDescent",
        "Newton",
        "DiagonalNewton",
        "SubsampledNewton",
        "torch.optim.SGD",
        "torch.optim.Adam",
        "torch.optim.LBFGS",
    ],
}


# What gloo and NCCL say when another process has gone.
LOST = re.compile(r"Connection (closed|reset) by peer|Broken pipe|recvBytes|[Tt]imed? ?out waiting for|ncclRemoteError")


# As what Lightning raises that an option makes no sense.
REFUSALS = (ValueError, TypeError, RuntimeError, ImportError)


class CommandLineError(ValueError):
    """The command line or a configuration file asks for something that does not exist."""


def run(main: Callable[[list[str]], None], args: list[str]) -> int:
    """Run a script's main function and return its exit status: 2 for a command line that makes no sense, 1 otherwise.

    Raises nothing but what `--debug` among the arguments lets through.
    """
    try:
        main(args)
    except KeyboardInterrupt as stop:
        print(f"interrupted: {stop}" if str(stop) else "interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if "--debug" in args:
            raise
        rank = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))
        where = f" (process {rank})" if rank.isdigit() and int(rank) else ""
        print(f"error{where}: {one_line(error)}", file=sys.stderr)
        return 2 if isinstance(error, CommandLineError) else 1
    return 0


# What YAML makes of a word without quotes.
OTHER_THAN_TEXT = re.compile(
    r"True|False|None|null|[-+.\d][-+.\d:eE_ ]*|datetime\..*|\d{4}-\d\d-\d\d.*|\.?(nan|inf)", re.IGNORECASE
)


def one_line(error: Exception) -> str:
    """What a user needs of an exception: its message, or where it came from if it has none of ours."""
    message = reason(str(error))
    if port := re.search(r"EADDRINUSE.*?port: (\d+)|port: (\d+).*?EADDRINUSE", message):
        number = port[1] or port[2]
        return f"port {number} is in use by another program or run: set another by the environment variable MASTER_PORT"
    if isinstance(error, RuntimeError) and LOST.search(message):
        return (
            "another process of this run has ended or cannot be reached, so this one stops, too: see what that one said, then "
            f"go on from the last checkpoint with --ckpt_path=last ({message[:100]})"
        )
    origin = traceback.extract_tb(error.__traceback__)[-1].filename if error.__traceback__ else ""
    if "/torch/optim/" in origin:
        return f"the optimizer refuses: {message}; --model.optimizer.help=CLASS explains its options"
    by_lightning = "/pytorch_lightning/" in origin or "/lightning_fabric/" in origin
    if by_lightning and (isinstance(error, REFUSALS) or type(error).__name__ == "MisconfigurationException"):
        return f"{message.rstrip('.')}; --help explains the options"
    if isinstance(error, (ValueError, OSError, ArithmeticError)) or type(error).__name__ == "MisconfigurationException":
        return in_flags(message)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}: {message} (unexpected; --debug shows the traceback)"


def reason(message: str) -> str:
    """The innermost reason in a message of jsonargparse, with the option it is about; other messages on one line."""
    lines = [line.strip().removeprefix("- ") for line in re.sub(r'(Parser key "[^"]+":)', r"\n\1\n", message).splitlines()]
    if not any(WRAPPING.match(line) for line in lines if line):
        # Not all blanks: those in the name of a column are a part of it.
        plain = re.sub(r"\s*\n\s*", " ", message).strip()
        # A wrong key of a file, in the words for a wrong option, so that the parser suggests the right one.
        plain = re.sub(r"^Group '(.+)' does not accept option '(.+)'$", r"unrecognized arguments: --\1.\2", plain)
        plain = re.sub(r"^Option '(\w+\.class_path)' is not accepted$", r"unrecognized arguments: --\1", plain)
        return re.sub(
            r"^the following arguments are required: (data|model)(, model)?$",
            r"\1\2 must be named: by --data=CLASS and --model=CLASS, or data and model with a class_path each in the file",
            plain,
        )
    keys = [key for key in re.findall(r'Parser key "([^"]+)"', message) if key != "config"]
    reasons = [line for line in lines if not WRAPPING.match(line) and line != "Expected a <class 'NoneType'>"]
    text = reasons[0] if reasons else " ".join(message.split())
    if text.startswith("--"):  # a parser within the parser has found the words already
        return "--" + ".".join([*keys, text.removeprefix("--")])
    option = "--" + ".".join(keys)
    if missing := re.search(r"the following arguments are required: (.+?)\.? ?(Got value|$)", text):
        return f"{option}.{missing[1]} is missing: it has no default"
    choices = CLASSES[keys[-1]]() if keys and keys[-1] in CLASSES else []
    if unknown := re.match(r"Expected a dot import path string: (.+)", text):
        return f"{option}: there is no class {unknown[1]!r}{suggestion(unknown[1], choices)}; choose among {', '.join(choices)}"
    if unknown := re.search(r"No module named '(.+?)'|module '.+?' has no attribute '.+?'", text):
        named = re.search(r"'class_path': '([^']+)'|class_path='([^']+)'", message)
        word = (named[1] or named[2]) if named else None
        near = suggestion(word, choices) if word else ""
        return f"{option}: there is no class {word or ''}{near} ({unknown[0]}); choose among {', '.join(choices)}"
    if abstract := re.search(r"instantiatable class, but (\S+) is abstract", text):
        return f"{option}: {abstract[1]} is abstract and cannot be used itself; choose among {', '.join(choices)}"
    if refused := re.match(r"Option '(.+)' is not accepted(.*)", text):
        lists = "--model.help=CLASS, --data.help=CLASS and --model.optimizer.help=CLASS list what does"
        if keys[-1] == "peer":
            lists = "scripts/comparing/peers explains what does"
        return f"{option}.{refused[1]} does not exist for the chosen class{refused[2]}: {lists}"
    if "Not a valid subclass of" in text or "but got" in text:
        return f"{option}: give the name of a class, or its class_path with init_args; choose among {', '.join(choices)}"
    if value := re.search(r"Unable to load config '(.+)'", text):
        return f"{option} holds {value[1]!r}: give settings there, each as name: value"
    types = [match for line in reasons if (match := re.match(r"Expected an? (.+?)(\. Got value: (.*))?$", line))]
    if types:
        given = types[0][3] or next((line.removeprefix("Given value: ") for line in lines if "Given value: " in line), "?")
        wanted = " or ".join(dict.fromkeys(re.sub(r"<class '(.+)'>|typing\.Literal\[(.+)\]", r"\1\2", t[1]) for t in types))
        hint = f", [{given}] say" if wanted.startswith("list") and OTHER_THAN_TEXT.match(given) is None else ""
        if "str" in wanted.split(" or ") and OTHER_THAN_TEXT.fullmatch(given):
            hint = "; YAML reads names such as no, on and 2010 as something else: put it in quotes"
        return f"{option}={given} does not fit: {wanted} belongs there{hint}"
    return f"{option}: {text}" if keys else text


def suggestion(word: str, choices: list[str]) -> str:
    """– did you mean …? – or nothing."""
    near = get_close_matches(word, choices, 1, 0.6)
    if not near and (found := get_close_matches(word, short := [name.rpartition(".")[2] for name in choices], 1, 0.6)):
        near = [choices[short.index(found[0])]]
    return f" (did you mean {near[0]}?)" if near else ""
