"""What a case of bad input is made of."""

from typing import NamedTuple


class Bad(NamedTuple):
    """Arguments, what the line they lead to must say, and the environment they are given in."""

    args: list[str]
    says: tuple[str, ...]
    environment: dict[str, str] = {}  # noqa: RUF012


LINEAR = "--model=LinearRegression"
SOFTMAX = "--model=SoftmaxRegression"
SGD = "--model.optimizer=torch.optim.SGD"
ADAM = "--model.optimizer=torch.optim.Adam"
ONE = "--trainer.max_epochs=1"
DDP = ["--trainer.accelerator=cpu", "--trainer.devices=1", "--trainer.strategy=ddp"]
