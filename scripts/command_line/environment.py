"""Environment variables that start runs on several processes, held against what they must be."""

import os

# Set by torchrun, SLURM's launcher or the user; Lightning reads them without a word of its own.
NUMBERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_PORT", "PL_GLOBAL_SEED", "OMP_NUM_THREADS")


def check_environment() -> None:
    """Refuse a variable that is no whole number ≥ 0.

    Raises:
        ValueError: names it.
    """
    for name in NUMBERS:
        value = os.environ.get(name)
        if value is not None and not (value.isascii() and value.isdigit()):
            raise ValueError(f"the environment variable {name}={value!r} must be a whole number ≥ 0: correct or unset it")
    if int(os.environ.get("MASTER_PORT", "0")) > 65535:
        raise ValueError(f"the environment variable MASTER_PORT={os.environ['MASTER_PORT']} is no port: choose one up to 65535")
