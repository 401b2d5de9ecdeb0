"""A fit to a memory-mapped table in a process whose own memory the kernel limits. Run by test_larger_than_memory.py.

`python mapped_fit.py TABLE FOLDER METHOD MEGABYTES`, in an environment that finds the project's packages; so much more than
an idle process with its libraries has. Prints θ, the limit, and the most memory of its own that the process held: pages of
mapped files are not counted, the kernel takes them back at will.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path

from torch.nn.utils import parameters_to_vector

from datamodules import TabularDataModule
from lightning_modules.optimizers import DiagonalNewton, Newton
from tests.training import make_model, make_trainer


def megabytes(entry: str) -> int:
    """`VmData`: private and writable memory, what RLIMIT_DATA limits; `RssAnon`: the part of it that is in use."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(entry)]
    return int(line.split()[1]) // 1024


class Peak(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = {"VmData": 0, "RssAnon": 0}

    def run(self) -> None:
        while True:
            self.most = {entry: max(most, megabytes(entry)) for entry, most in self.most.items()}
            time.sleep(0.005)


def main(table: str, folder: str, method: str, more: int) -> None:
    limit = megabytes("VmData") + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit * 2**20, limit * 2**20))
    peak = Peak()
    peak.start()
    data = TabularDataModule(table, "y", memory_map=folder or None, val_fraction=0)
    model = make_model(data, {"newton": Newton, "diagonal": DiagonalNewton}[method])
    make_trainer(10).fit(model, data)
    theta = parameters_to_vector(model.parameters()).detach().tolist()
    print(json.dumps({"theta": theta, "limit": limit, **peak.most, "rows": len(data.splits["train"][1])}))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
