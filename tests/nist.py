"""NIST's reference problems of linear regression, with certified values, where their files are at hand."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "nist"
needs_nist = pytest.mark.skipif(not (FOLDER / "Filip.dat").exists(), reason=f"NIST's files are not in {FOLDER}")


@dataclass
class Problem:
    """Features (n, d), targets (n,), certified coefficients and their standard deviations, the intercept last."""

    features: Tensor
    targets: Tensor
    coefficients: list[float]
    deviations: list[float]


def problem(name: str) -> Problem:
    """Of one predictor the powers are features: 1, x, x², … as many as there are coefficients."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    data = torch.tensor([[float(v) for v in line.split()] for line in _part(lines, "Data")], dtype=torch.float64)
    matches = (re.match(r"\s+B\d+\s+(\S+)\s+(\S+)\s*$", line) for line in _part(lines, "Certified Values"))
    certified = [(float(m[1]), float(m[2])) for m in matches if m]
    x, y = data[:, 1:], data[:, 0]
    if x.shape[1] == 1:
        x = torch.cat([x**power for power in range(1, len(certified))], 1)
    values, deviations = zip(*(certified[1:] + certified[:1]), strict=True)
    return Problem(x, y, list(values), list(deviations))


def digits(found: list[float], certified: list[float]) -> float:
    """How many the worst of them has right, 15 at most."""
    errors = [abs(a - b) / (abs(b) or 1.0) for a, b in zip(found, certified, strict=True)]
    return min(15.0, -math.log10(max(*errors, 1e-300)))


def _part(lines: list[str], name: str) -> list[str]:
    first, last = re.search(rf"{name}\s+\(lines\s+(\d+) to\s+(\d+)\)", "\n".join(lines[:12])).groups()
    return lines[int(first) - 1 : int(last)]
