"""Generalised linear models under an l1 penalty: minimisers with exact zeros, certified by a duality gap, and paths of them."""

from lightning_modules.lasso.cross_validation import CrossValidated, cross_validated
from lightning_modules.lasso.l1_objective import L1Objective
from lightning_modules.lasso.path import minimise_l1, penalty_path
from lightning_modules.lasso.sparse_minimum import SparseMinimum

__all__ = ["CrossValidated", "L1Objective", "SparseMinimum", "cross_validated", "minimise_l1", "penalty_path"]
