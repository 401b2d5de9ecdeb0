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

from callbacks import CurvatureDiagnostics, CurvatureQuantiles, GradientNorms, LearningRate, MetricCharts, UpdateRatios
from datamodules import IrisDataModule
from lightning_modules import MLP
from lightning_modules.optimizers import DiagonalNewton, KroneckerNewton, Newton
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


def charts_of(folder: Path, method: Any, batch_size: int | None) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """The tags that each chart of each category shows, of those that a fit of a network logs; and all of these."""
    model = MLP((4, 5, 4, 3), optimizer=method)
    watching = (GradientNorms(), CurvatureDiagnostics(), LearningRate(), UpdateRatios(), CurvatureQuantiles())
    logger = TensorBoardLogger(folder, "", "")
    make_trainer(2, MetricCharts(), *watching, logger=logger, log_every_n_steps=1).fit(
        model, IrisDataModule(batch_size=batch_size)
    )
    events = EventAccumulator(str(folder)).Reload()
    held = events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    tags = events.Tags()["scalars"]
    shown = {
        category.title: {
            chart.title: [tag for tag in tags if any(re.match(pattern, tag) for pattern in chart.multiline.tag)]
            for chart in category.chart
        }
        for category in layout_pb2.Layout.FromString(held).category
    }
    return shown, tags


@pytest.mark.parametrize(
    ("method", "batch_size", "charts"),
    [
        (Newton, None, 5),
        (partial(torch.optim.Adam, lr=0.1), 30, 3),
        (DiagonalNewton, 30, 5),
        (KroneckerNewton, 30, 5),
        (DiagonalNewton, None, 5),
    ],
    ids=["newton", "adam", "diagonal newton", "kronecker newton", "diagonal newton, all rows"],
)
def test_steps_have_a_chart_each(tmp_path: Path, method: Any, batch_size: int | None, charts: int) -> None:
    """Of each quantity one chart with a curve for each layer."""
    shown, tags = charts_of(tmp_path, method, batch_size)
    steps = shown["steps"]
    assert sum(map(bool, steps.values())) == charts
    for name, group, curves in (
        ("gradient norm by layer", "grad_norm/", 4),
        ("update ÷ weight norm by layer", "update_ratio/", 4),
        ("lr, length of the step", "step/", 2),
    ):
        assert steps[name] == [tag for tag in tags if tag.startswith(group)]
        assert len(steps[name]) == curves, "three layers and all, or lr and length"
    assert len({tag for group in steps.values() for tag in group}) == sum(map(len, steps.values())), "none twice"


@pytest.mark.parametrize("method", [DiagonalNewton, KroneckerNewton])
def test_quantiles_of_a_layer_have_a_chart(tmp_path: Path, method: Any) -> None:
    shown, tags = charts_of(tmp_path, method, 30)
    layers = [f"network.layers.{k}" for k in range(3)]
    assert list(shown["curvature diagonal"]) == layers
    for layer in layers:
        inside = shown["curvature diagonal"][layer]
        assert inside == [tag for tag in tags if tag.startswith(f"curvature_diagonal/{layer}/")] and len(inside) == 5
    medians = [f"curvature_diagonal/{layer}/median" for layer in layers]
    assert shown["steps"]["median of the curvature diagonal by layer"] == medians


def test_a_method_without_a_diagonal_has_no_charts_of_it(tmp_path: Path) -> None:
    shown, _ = charts_of(tmp_path, Newton, None)
    assert set(shown) == {"metrics", "steps"}
