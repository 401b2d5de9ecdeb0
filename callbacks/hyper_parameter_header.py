"""The columns of TensorBoard's hparams tab.

TensorBoard shows the columns that are named by the first header it finds, and by no other: torch writes into each run the
columns of this run alone, and those of other data and methods are not seen. So every run has this one.

A result is the last point of a curve that the run draws anyway, so it is a number. The word for the status could only be a
setting, and those are read once, from what a run wrote first: one that is killed, or goes on still, would have no line at all.
"""

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    Experiment,
    HParamInfo,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, create_summary_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

OTHER = "other settings"
# In this order: the table shows the first five until others are ticked. The damping may be "adaptive", the batch all rows.
COLUMNS = ("method", "lr", "damping", "l2", "model", "data", "batch_size", OTHER, "seed")
NUMBERS = ("lr", "l2", "seed")
# What a column of results is called, by the curve that it ends.
RESULTS = {
    "test/loss": "test loss",
    "test/accuracy": "accuracy",
    "test/f1": "F1",
    "test/auroc": "AUROC",
    "test/knn_accuracy": "k-NN accuracy",
    "test/mse": "MSE",
    "test/mae": "MAE",
    "test/r2": "R²",
    "time/train_seconds": "seconds",
    "epoch": "epochs",
    "train/converged": "status (1 = converged)",
}


def column(name: str) -> str:
    """What TensorBoard knows a column by: it orders them by that, and shows another name."""
    return f"{COLUMNS.index(name)} {name}"


def header() -> Summary:
    """The same bytes each time."""
    infos = [
        HParamInfo(
            name=column(name),
            display_name=name,
            type=DATA_TYPE_FLOAT64 if name in NUMBERS else DATA_TYPE_STRING,
            differs=True,  # those that are said not to would come last
        )
        for name in COLUMNS
    ]
    results = [MetricInfo(name=MetricName(tag=tag), display_name=shown) for tag, shown in RESULTS.items()]
    plugin_data = HParamsPluginData(experiment=Experiment(hparam_infos=infos, metric_infos=results))
    return Summary(value=[Summary.Value(tag=EXPERIMENT_TAG, metadata=create_summary_metadata(plugin_data))])
