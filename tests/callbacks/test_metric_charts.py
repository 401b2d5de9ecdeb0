"""A chart shows the curves of its metric and no others, whatever its name is as a pattern."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from torchmetrics import MeanMetric, MetricCollection

from callbacks import MetricCharts


def test_tags_are_found_by_their_names(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, "", "")
    model = SimpleNamespace(metrics=lambda: MetricCollection({"f1(macro)": MeanMetric(), "loss": MeanMetric()}))
    trainer = SimpleNamespace(loggers=[logger], is_global_zero=True)
    MetricCharts().on_fit_start(cast(Any, trainer), cast(Any, model))
    logger.experiment.close()
    held = EventAccumulator(str(tmp_path)).Reload().Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    charts = {chart.title: list(chart.multiline.tag) for chart in layout_pb2.Layout.FromString(held).category[0].chart}
    assert set(charts) == {"f1(macro)", "loss"}
    for name, patterns in charts.items():
        assert [bool(re.match(pattern, f"val/{name}")) for pattern in patterns] == [False, True, False]
        assert not any(re.match(pattern, f"val/{name}_of_another") for pattern in patterns)
