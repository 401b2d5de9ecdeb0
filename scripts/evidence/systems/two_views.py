"""S2: two independently augmented views of every MNIST image."""

import torch
from command_line.base_config import CONFIGS, read_config
from command_line.fit_cli import FitCLI
from command_line.fitting import fit
from torch.utils.data import DataLoader

from callbacks.features.two_view_grid import draw_two_views
from callbacks.picture_file import write_picture
from datamodules import MNISTTwoView
from evidence.benchmarks.two_view import batched, per_sample
from evidence.systems.expectation import at_least, at_most
from evidence.systems.system import Claim, Context, Data, Outcome, System

EPOCHS = 3
# What a prototype had then, within half a percent.
PROBES = {"accuracy": 0.97, "knn_accuracy": 0.957}
ROWS, BATCH, WORKERS = 8, 512, 2


def check_and_time_views(context: Context) -> Outcome:
    """The figure of a minibatch, that its views differ, and how many are made in a second."""
    torch.manual_seed(0)
    dataset = MNISTTwoView(str(context.data_dir))
    original, first, second, labels = next(iter(DataLoader(dataset, batch_size=ROWS, shuffle=True)))
    path = context.output / "two_views.png"
    write_picture(draw_two_views(original, first, second, labels), path)
    _, first, second, _ = next(iter(DataLoader(dataset, batch_size=BATCH)))
    same = float((first == second).flatten(1).all(1).float().mean())
    claims = [Claim("share of images whose two views are equal", "", at_most(0), same, ".3f")]
    if not context.quick:
        context.show_step("views per second")
        batched(dataset.images.data, BATCH)  # the first run pays for starting threads
        ours, theirs = batched(dataset.images.data, BATCH).value, per_sample(dataset, WORKERS).value
        name = f"images with both views a second, in batches of {BATCH}, ÷ per sample with {WORKERS} workers"
        claims.append(Claim(name, "", at_least(8), ours / theirs, ".1f", is_headline=True))
        claims.append(Claim("images with both views a second, in thousands", "", at_least(10), ours / 1e3, ".1f"))
    if context.long:
        claims += features(context)
    return Outcome(claims, [path])


def features(context: Context) -> list[Claim]:
    """What SimCLR learns from the views without labels, as `fit.py` judges it."""
    context.show_step("SimCLR")
    config = read_config(CONFIGS / "mnist_two_view_simclr_adam.yaml")
    config["data"]["init_args"]["data_dir"] = str(context.data_dir)
    config["trainer"] |= {
        "max_epochs": EPOCHS,
        "check_val_every_n_epoch": EPOCHS,
        "default_root_dir": str(context.output),
        "enable_checkpointing": False,
        "enable_progress_bar": False,
    }
    summary, _ = fit(FitCLI({**config, "test_metrics": {"every_n_epochs": EPOCHS}}))
    names = {"accuracy": "a linear probe", "knn_accuracy": "the nearest neighbours"}
    return [
        Claim(f"SimCLR, {EPOCHS} epochs: test accuracy by {judge}", "", at_least(PROBES[name]), summary[f"test/{name}"])
        for name, judge in names.items()
    ]


SYSTEM = System(
    "S2",
    check_and_time_views,
    needs=Data.MNIST,
    peers=("lightly", "torchvision"),
    shortened="Only --long learns features from these views by SimCLR, which takes minutes.",
)
