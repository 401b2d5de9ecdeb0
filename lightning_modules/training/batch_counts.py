"""How many rows of a batch each process has, from the loader that shared them out."""

from pytorch_lightning import Trainer

from lightning_modules.objectives import Reduction, ReductionOfBatch, this_process


def takes_every_row(model: object) -> bool:
    """Whether the class that says what a model's loss is says too that it takes every row of a batch."""
    levels = [vars(model), *(vars(level) for level in type(model).__mro__)]
    lowest = next(level for level in levels if {"objective", "loss_share", "takes_every_row"} & level.keys())
    return bool(lowest.get("takes_every_row", False))


def of_batch(reduction: Reduction, trainer: Trainer, batch_idx: int) -> Reduction:
    """The reduction with what the training loader knows of a batch, by a method `shares_of_batch`: the rows on each process.

    Where it has none, or a process has no row, of which no multiple could be told, the processes have to ask each other. All
    of them decide that alike, as they have the same loader.
    """
    shares_of_batch = getattr(trainer.train_dataloader, "shares_of_batch", None)
    if reduction is this_process or shares_of_batch is None:
        return reduction
    shares: list[int] = shares_of_batch(batch_idx)
    if len(shares) != reduction.num_processes or min(shares) < 1:
        return reduction
    return ReductionOfBatch(reduction, shares)
