"""A chart shows the curves of its metric and no others, whatever its name is as a pattern."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from torchmetrics import MeanMetric, MetricCollection

from callbacks import CurvatureDiagnostics, GradientNorms, MetricCharts
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import Newton
from tests.training import make_trainer


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


@pytest.mark.parametrize(("method", "charts"), [(Newton, 3), (partial(torch.optim.Adam, lr=0.1), 1)], ids=["newton", "adam"])
def test_steps_have_a_chart_each(tmp_path: Path, method: Any, charts: int) -> None:
    """Of the tags that a fit of a network logs: each norm of a layer in one chart, each number of the curvature in one."""
    model = MLP((4, 5, 4, 3), optimizer=method)
    callbacks = (MetricCharts(), GradientNorms(), CurvatureDiagnostics())
    logger = TensorBoardLogger(tmp_path, "", "")
    make_trainer(2, *callbacks, logger=logger, log_every_n_steps=1).fit(model, IrisDataModule())
    events = EventAccumulator(str(tmp_path)).Reload()
    held = events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    (steps,) = (category for category in layout_pb2.Layout.FromString(held).category if category.title == "steps")
    tags = events.Tags()["scalars"]
    shown = [[tag for tag in tags if any(re.match(p, tag) for p in chart.multiline.tag)] for chart in steps.chart]
    assert sum(map(bool, shown)) == charts
    assert shown[0] == [tag for tag in tags if tag.startswith("grad_norm/")] and len(shown[0]) == 4, "three layers and all"
    assert len({tag for group in shown for tag in group}) == sum(map(len, shown)), "none twice"
