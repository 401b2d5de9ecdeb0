"""What is watched during a fit."""

from callbacks.coefficient_intervals import CoefficientIntervals
from callbacks.confusion_matrix import ConfusionMatrix
from callbacks.convergence_status import ConvergenceStatus
from callbacks.curvature_diagnostics import CurvatureDiagnostics
from callbacks.curvature_quantiles import CurvatureQuantiles
from callbacks.features.embedding_projector import EmbeddingProjector
from callbacks.features.feature_baselines import FeatureBaselines
from callbacks.features.nearest_neighbors import NearestNeighbors
from callbacks.features.two_view_grid import TwoViewGrid
from callbacks.fit_progress import FitProgress
from callbacks.gradient_norms import GradientNorms
from callbacks.hyper_parameters import HyperParameters
from callbacks.layer_histograms import LayerHistograms
from callbacks.learning_rate import LearningRate
from callbacks.metric_charts import MetricCharts
from callbacks.penalty_choice import PenaltyChoice
from callbacks.replica_check import ReplicaCheck
from callbacks.resuming.best_checkpoint import BestCheckpoint
from callbacks.resuming.final_checkpoint import FinalCheckpoint
from callbacks.resuming.last_checkpoint import LastCheckpoint
from callbacks.resuming.monitored_values import MonitoredValues
from callbacks.resuming.random_states import RandomStates
from callbacks.resuming.run_settings import RunSettings
from callbacks.resuming.stop_decision import StopDecision
from callbacks.step_course import StepCourse
from callbacks.test_metrics import TestMetrics
from callbacks.train_metrics import TrainMetrics
from callbacks.training_time import TrainingTime
from callbacks.update_ratios import UpdateRatios

__all__ = [
    "BestCheckpoint",
    "CoefficientIntervals",
    "ConfusionMatrix",
    "ConvergenceStatus",
    "CurvatureDiagnostics",
    "CurvatureQuantiles",
    "EmbeddingProjector",
    "FeatureBaselines",
    "FinalCheckpoint",
    "FitProgress",
    "GradientNorms",
    "HyperParameters",
    "LastCheckpoint",
    "LayerHistograms",
    "LearningRate",
    "MetricCharts",
    "MonitoredValues",
    "NearestNeighbors",
    "PenaltyChoice",
    "RandomStates",
    "ReplicaCheck",
    "RunSettings",
    "StepCourse",
    "StopDecision",
    "TestMetrics",
    "TrainMetrics",
    "TrainingTime",
    "TwoViewGrid",
    "UpdateRatios",
]
