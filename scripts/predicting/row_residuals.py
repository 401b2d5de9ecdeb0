r"""Residuals and leverage of the rows of a table that holds their targets, in memory that does not grow with the table.

Leverage is that of a row among the rows of this table, as if the model had been fitted to them: of the training rows
themselves it is R's `hatvalues`. That takes a reading of its own, in which the curvature of all rows is gathered.
"""

import copy
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.files import TableFile
from datamodules.tables.new_rows import NewRows
from lightning_modules.linear.generalized_linear_model import GeneralizedLinearModel
from lightning_modules.linear.leverage import leverage_factor
from lightning_modules.linear.residuals import of_group, of_rows, working_weight
from predicting.observed import Observed
from predicting.trained import Trained

NAMES = ("response residual", "Pearson residual", "deviance residual", "leverage")


class RowResiduals:
    """What is left of rows, see `residuals.py` of the linear models.

    Args:
        trained: the model and its preprocessing.
        file: the table.
        target: name of the column of targets; None = as in the training.

    Raises:
        ValueError: the model is none that has residuals; as `NewRows` and `Observed` raise it.
    """

    def __init__(self, trained: Trained, file: TableFile, target: str | None = None) -> None:
        model = refuse_other_models(trained)
        self._model, self._family = copy.deepcopy(model).double(), model.family
        self._preprocessing, self._without_target = trained.preprocessing, 0
        self._observed = Observed.of(file, target, trained.preprocessing.class_names, trained.data_settings)
        self._has_bias = model.linear.bias is not None
        self._has_shares = self._family.takes_shares and trained.preprocessing.class_names is None
        like = torch.empty(0, model.linear.in_features + self._has_bias, dtype=torch.float64)
        with torch.inference_mode():
            rows = NewRows(file, trained.preprocessing, self._observed.names)
            self._factor = leverage_factor(self._blocks(rows), like, 2**62)

    def needed(self, keep: tuple[str, ...]) -> tuple[str, ...]:
        """The columns that `of` takes, besides those to keep."""
        return tuple(dict.fromkeys((*keep, *self._observed.names)))

    def notes(self) -> list[str]:
        """What was left out of the table, a line each."""
        name = self._observed.target.name
        return [f"without a target: {name!r} ({self._without_target}, no residuals)"] if self._without_target else []

    def of(self, features: NDArray[np.float64], piece: pa.Table, first: int) -> NDArray[np.float64]:
        """The four numbers of some rows, (m, 4), nan in rows without a target.

        Args:
            features: unscaled, the offset behind them if there is one.
            piece: the columns of the observed, among others.
            first: how many rows come before them.
        """
        has_target, extended, z, y, weights = self._read(features, piece, first)
        found = np.full((len(features), len(NAMES)), np.nan)
        trials = weights if self._has_shares else None
        parts = of_rows(self._family, z, y, trials)
        own = working_weight(self._family, z, y)[:, 0] * (extended @ self._factor).square().sum(1)
        found[has_target] = torch.stack([*parts, of_group(own, trials)], 1).numpy()
        return found

    def _blocks(self, rows: NewRows) -> Iterator[Tensor]:
        """√(w c) x̃ of the rows with a target, and those of the penalty."""
        first, total = 0, 0.0
        for features, piece in rows.pieces():
            has_target, extended, z, y, weights = self._read(features, piece, first)
            self._without_target += int((~has_target).sum())
            yield (working_weight(self._family, z, y) * weights).sqrt() * extended
            first, total = first + len(features), total + float(weights.sum())
        if self._model.l2 > 0:
            size = self._model.linear.in_features
            yield (self._model.l2 * total) ** 0.5 * torch.eye(size, size + self._has_bias, dtype=torch.float64)

    def _read(
        self, features: NDArray[np.float64], piece: pa.Table, first: int
    ) -> tuple[NDArray[np.bool_], Tensor, Tensor, Tensor, Tensor]:
        """Which of the rows have a target (m,), and of these x̃ (k, width), z (k, 1), checked targets and weights (k, 1)."""
        targets, weights = self._observed.targets(piece, first), self._observed.weights_of(piece, first)
        has_target = ~np.isnan(targets)
        inputs = torch.from_numpy(self._preprocessing.scaled(features[has_target]))
        z = self._model(inputs)
        columns = inputs[:, : self._model.linear.in_features]
        extended = torch.cat([columns, columns.new_ones(len(columns), self._has_bias)], 1)
        y = self._checked(torch.from_numpy(targets), has_target, piece, first)
        return has_target, extended, z, y, torch.from_numpy(weights[has_target])[:, None]

    def _checked(self, targets: Tensor, has_target: NDArray[np.bool_], piece: pa.Table, first: int) -> Tensor:
        known = targets[torch.from_numpy(has_target)]
        try:
            return self._family.check(known)
        except ValueError:
            for row in np.flatnonzero(has_target):
                try:
                    self._family.check(targets[row : row + 1])
                except ValueError:
                    name = type(self._model).__name__
                    self._observed.refuse(piece, int(row), first, f"and {name} was trained on no such target")
            raise


def refuse_other_models(trained: Trained) -> GeneralizedLinearModel:
    """The model, if its rows have residuals.

    Raises:
        ValueError: it is no generalised linear model, or has several outputs.
    """
    model = trained.model
    if not isinstance(model, GeneralizedLinearModel):
        raise ValueError(
            f"--residuals are of generalised linear models, and {type(model).__name__} is none (docs/glm.md lists them): leave "
            "the option out"
        )
    if model.family.num_outputs > 1:
        what = "probabilities of several classes" if trained.preprocessing.class_names else "several targets"
        raise ValueError(
            f"--residuals are of models with one output, and this {type(model).__name__} predicts {what}, each with a residual "
            "of its own: leave the option out"
        )
    return model
