"""Lightning's callbacks that change the training: what trains, how far a step goes, which weights are kept."""

from pytorch_lightning import callbacks
from torch.nn.utils import prune

from tests.trainer_options import checks
from tests.trainer_options.callback_classes import FreezeBody, WithBackbone
from tests.trainer_options.expectations import NotApplicable, Refused, Works, split
from tests.trainer_options.rows import callback_row
from tests.trainer_options.table_lengths import NO_ACCUMULATION, plain

LIKE_PLAIN = Works(checks.moved, like_plain=True)
NO_GROUPS = Refused("BackboneFinetuning|backbone|parameter groups?", "one step couples all parameters")
NO_SCHEDULE = Refused("StochasticWeightAveraging|schedule", "it replaces the step size by a schedule of its own")
NO_SEARCH = Refused("LearningRateFinder|learning rate|lr", "its step size is not looked for over mini-batches")
NO_PRUNING = Refused("ModelPruning|prun", "θ would be other parameters in the midst of the run")
NO_BATCHES = Refused("BatchSizeFinder|batch", "what fits into memory is no question of a full batch's method")
AVERAGES = {"ignored": ("Swapping scheduler",)}


def finder() -> callbacks.LearningRateFinder:
    return callbacks.LearningRateFinder(1e-3, 1e-1, num_training_steps=6, early_stop_threshold=None, update_attr=False)


ROWS = [
    callback_row(
        "BaseFinetuning",
        "a frozen body",
        lambda _: FreezeBody(),
        plain(checks.body_is_frozen) | {"SubsampledNewton": NotApplicable("it is for linear models, which have no body")},
        model=WithBackbone,
    ),
    callback_row(
        "BackboneFinetuning",
        "unfreezes at epoch 5",
        lambda _: callbacks.BackboneFinetuning(5),
        split(NO_GROUPS, Works(checks.body_is_frozen, like_plain=True)),
        model=WithBackbone,
    ),
    callback_row(
        "BackboneFinetuning",
        "unfreezes at epoch 1",
        lambda _: callbacks.BackboneFinetuning(1, backbone_initial_lr=0.01),
        split(NO_GROUPS, LIKE_PLAIN, LBFGS=NotApplicable("torch's LBFGS takes no parameter groups")),
        model=WithBackbone,
    ),
    callback_row(
        "StochasticWeightAveraging",
        "from epoch 1",
        lambda _: callbacks.StochasticWeightAveraging(0.05, swa_epoch_start=1, annealing_epochs=1),
        split(NO_SCHEDULE, LIKE_PLAIN),
        **AVERAGES,
    ),
    callback_row("WeightAveraging", "default", lambda _: callbacks.WeightAveraging(), plain(checks.moved)),
    callback_row("EMAWeightAveraging", "decay=0.9", lambda _: callbacks.EMAWeightAveraging(decay=0.9), plain(checks.moved)),
    callback_row(
        "GradientAccumulationScheduler",
        "{1: 2}",
        lambda _: callbacks.GradientAccumulationScheduler({1: 2}),
        split(NO_ACCUMULATION, LIKE_PLAIN),
    ),
    callback_row("LearningRateFinder", "6 steps", lambda _: finder(), split(NO_SEARCH, LIKE_PLAIN)),
    callback_row(
        "BatchSizeFinder",
        "2 trials",
        lambda _: callbacks.BatchSizeFinder(steps_per_trial=1, init_val=16, max_trials=2),
        split(NO_BATCHES, LIKE_PLAIN),
    ),
    callback_row(
        "ModelPruning",
        "half of the first layer",
        lambda _: callbacks.ModelPruning(prune.L1Unstructured, parameter_names=["weight"], amount=0.5),
        split(NO_PRUNING, Works(like_plain=True)),
        also={"precision": "32-true"},  # Lightning's own pruned weights stay in 32 bits
    ),
]
