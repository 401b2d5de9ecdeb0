"""Generalised linear models under an l1 penalty: minimisers with exact zeros, certified by a duality gap, and paths of them."""

from lightning_modules.lasso.path import minimise_l1, penalty_path
from lightning_modules.lasso.sparse_minimum import SparseMinimum

__all__ = ["SparseMinimum", "minimise_l1", "penalty_path"]
