"""What a run changes of the process it runs in, and what a test puts back."""

import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader

SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2") if (number := getattr(signal, name, None))]
LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning_modules", "torch.distributed")


@contextmanager
def same_process_after() -> Iterator[None]:
    """Run what is within, and leave torch, Lightning's patches, the environment and the signals as they were."""
    # Lightning replaces methods of these while a loader is made, and an exception there leaves them replaced.
    patched = {kind: dict(vars(kind)) for kind in (*with_subclasses(DataLoader), *with_subclasses(BatchSampler))}
    environment, folder = dict(os.environ), os.getcwd()
    hook = sys.excepthook  # torch puts the rank before every line of a traceback, once more for each process group
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    dtype, threads, states = torch.get_default_dtype(), torch.get_num_threads(), (random.getstate(), np.random.get_state())
    generator, anomaly = torch.get_rng_state(), torch.is_anomaly_enabled()
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark, cudnn_deterministic = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    levels = {name: (logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in LOGGERS}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for kind, attributes in patched.items():
            restore(kind, attributes)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.excepthook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(generator)
        torch.autograd.set_detect_anomaly(anomaly)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = benchmark, cudnn_deterministic
        for name, (level, kept) in levels.items():
            logger = logging.getLogger(name)
            logger.setLevel(level)
            logger.handlers = kept


def with_subclasses(kind: type) -> set[type]:
    """A class and all that are made of it."""
    return {kind}.union(*(with_subclasses(below) for below in kind.__subclasses__()))


def restore(kind: type, attributes: dict[str, Any]) -> None:
    """Give a class the attributes that it had."""
    for name in set(vars(kind)) - set(attributes):
        delattr(kind, name)
    for name, value in attributes.items():
        if vars(kind).get(name) is not value:
            with suppress(AttributeError):  # what Python itself keeps there
                setattr(kind, name, value)
