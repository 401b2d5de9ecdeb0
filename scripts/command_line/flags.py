"""Python arguments that the library's messages name, as the options of the command line."""

import re

# How a message names an argument, and the option for it.
FLAGS = (
    (re.compile(r"Trainer\((\w+)=['\"]?([^'\")]+)['\"]?\)"), r"--trainer.\1=\2"),
    (re.compile(r"(?<![\w.])batch_size=None\b"), "--data.batch_size=null"),
    (re.compile(r"\blower lr\b"), "lower --model.optimizer.lr"),
)


def in_flags(message: str) -> str:
    """A message with every argument of `FLAGS` as the option that sets it."""
    for argument, flag in FLAGS:
        message = argument.sub(flag, message)
    return message
