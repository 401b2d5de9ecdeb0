"""Environment variables that start runs on several processes, held against what they must be."""

import os

# Set by torchrun, SLURM's launcher or the user; Lightning reads them without a word of its own.
NUMBERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "MASTER_PORT", "PL_GLOBAL_SEED", "OMP_NUM_THREADS")


# Set where a launcher has started a process for each device: torchrun, and SLURM's srun.
LAUNCHERS = ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS")


def default_devices() -> int | str:
    """What `--trainer.devices` is if nothing is said: one, however many GPUs there are, since most tables are small; all that a
    launcher has started processes for."""
    return "auto" if any(name in os.environ for name in LAUNCHERS) else 1


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
