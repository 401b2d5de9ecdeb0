r"""Which columns of a table are linear combinations of the bias and the columns before them.

X̃ are the rows (1, x). In the digits they are given in, two tables that differ by roundings are one, so

    column j depends   iff   some b = (−β, 1) has  |x̃_i b| / Σ_k |b_k x̃_ik|  ≤ 8ε in every row i, and ≤ 1½ε in the mean square:

changing the numbers by a few units in their last place makes x̃_j = Σ β_k x̃_k exactly so (Oettli and Prager). This is blind
to the units of columns and to weights of rows, and it is what standardising leaves of an exact dependence: it rounds each
number, and moves columns by constants that the bias takes up.

Only a small distance from singular is a reason to look for b. R of the columns scaled to length 1 shows it: ‖X̃b‖ is the
pivot of column j; where it is not near rounding times ‖b‖, there is no such b. For a suspect, b is solved for with R, and
refined by residuals of twice the digits.

Sources: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), theorem 7.3 and section 12.1.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.counting import counted
from lightning_modules.objectives.double_double import product
from lightning_modules.objectives.linear.rows import Rows
from lightning_modules.objectives.linear.triangle import factor, triangle
from lightning_modules.objectives.reduction import of_each_process

# Units in the last place that numbers of a dependent column may be off, at most and in the mean square.
AT_MOST, ON_AVERAGE = 8, 1.5
# How often b is solved for: by plain least squares, then by least squares relative to the size of each row's terms.
PLAIN, RELATIVE = 3, 3


def dependent_columns(rows: Rows) -> tuple[int, ...]:
    """Features that depend linearly on the bias and the features before them.

    Returns:
        Indices into the d features, in order.
    """
    if _surely_independent(rows):
        return ()
    size, first = rows.num_columns, int(rows.has_constant)
    bias_first = [*range(rows.num_features, size), *range(rows.num_features)]
    upper = factor(rows.triangle[:, bias_first])
    lengths = upper.norm(dim=0)
    upper = upper / torch.where(lengths > 0, lengths, 1)
    independent, dependent = set(range(first)), set[int]()
    while suspects := _suspects(upper, independent, dependent, rows.rounding):
        found = {j for j, basis in suspects.items() if len(basis) == rows.num_rows}  # these span everything
        found |= _confirmed(rows, {j: basis for j, basis in suspects.items() if j not in found}, bias_first)
        dependent |= found
        if found == suspects.keys():
            break
        # The others may depend on it, now that it counts.
        independent.add(min(suspects.keys() - found))
    return tuple(sorted(j - first for j in dependent))


def told_dependence(rows: Rows, columns: tuple[int, ...]) -> str:
    """That these features depend on others, in a sentence."""
    listed = ", ".join(map(str, columns[:8])) + (", …" if len(columns) > 8 else "")
    verb, places = ("depends", "column") if len(columns) == 1 else ("depend", "columns")
    message = f"{len(columns)} of {rows.num_features} features {verb} linearly on the others ({places} {listed})"
    if rows.num_features < rows.num_rows:
        return message
    return f"{counted(rows.num_features, 'feature')}, but {counted(rows.num_rows)} to tell them apart by: {message}"


def least_distance(size: int, rounding: float) -> float:
    """No column depends on others if no singular value of the columns, at length 1, is below this one.

    ‖X̃b‖ ≤ 8ε ‖ |X̃| |b| ‖ ≤ 8ε √size ‖b‖ for a dependent one; and as much again, for what is computed.
    """
    return 2 * AT_MOST * rounding * float(size) ** 0.5


def _surely_independent(rows: Rows) -> bool:
    """Whether the Gram matrix, cheaper than R, proves it by its smallest eigenvalue."""
    size, eps = rows.num_columns, torch.finfo(torch.float64).eps
    if rows.num_rows < size:
        return False
    lengths = rows.scaled_gram.diagonal().sqrt()
    if not bool((lengths > 0).all()):
        return False
    lower, info = torch.linalg.cholesky_ex(rows.scaled_gram / lengths[:, None] / lengths)
    if int(info) != 0:
        return False
    eye = torch.eye(size, dtype=lower.dtype, device=lower.device)
    inverse = float(torch.linalg.solve_triangular(lower, eye, upper=False).norm())  # ≥ 1 / the smallest singular value
    return inverse**2 * size * (rows.terms + size) * eps < 0.25 and inverse * 2 * least_distance(size, rows.rounding) < 1


def _suspects(upper: Tensor, independent: set[int], dependent: set[int], rounding: float) -> dict[int, list[int]]:
    """Columns near the span of those before them, each with a basis of it; left out are those of which more is known.

    R is eliminated further, column by column, without the suspects.
    """
    rest, (rank, size) = upper.clone(), upper.shape
    tolerance = 32 * size * torch.finfo(upper.dtype).eps + least_distance(size, rounding)
    first = _first_suspect(upper[:, :rank], tolerance)
    kept = upper[:, :rank].clone()
    basis, suspects = list(range(first)), dict[int, list[int]]()
    for j in range(first, size):
        r = len(basis)
        if j in dependent:
            continue
        if r == rank:
            suspects[j] = list(basis)
            continue
        below = rest[r : j + 1, j].clone()
        pivot = below.norm()
        beta = torch.linalg.solve_triangular(kept[:r, :r], rest[:r, j, None], upper=True)
        if j not in independent and bool(pivot <= tolerance * (1 + beta.square().sum()).sqrt()):
            suspects[j] = list(basis)
            continue
        if len(below) > 1 and pivot > 0:  # reflected to its first entry
            below[0] += torch.copysign(pivot, below[0])
            below /= below.norm()
            rest[r : j + 1, j:] -= 2 * torch.outer(below, below @ rest[r : j + 1, j:])
        kept[:, r] = rest[:, j]
        basis.append(j)
    return suspects


def _first_suspect(upper: Tensor, tolerance: float) -> int:
    """The first of the columns R (rank, rank) whose pivot is at most the tolerance times ‖b‖, for all of them at once.

    Column j of R⁻¹ is b divided by the pivot, up to its sign.
    """
    eye = torch.eye(len(upper), dtype=upper.dtype, device=upper.device)
    is_clear = torch.linalg.solve_triangular(upper, eye, upper=True).norm(dim=0) * tolerance < 1  # false for nan
    return int(torch.cat([~is_clear, is_clear.new_ones(1)]).int().argmax())


def _confirmed(rows: Rows, suspects: dict[int, list[int]], bias_first: list[int]) -> set[int]:
    """Those of the suspects that depend on their bases to the last place."""
    found = set[int]()
    if suspects:
        columns, basis = list(suspects), max(suspects.values(), key=len)
        b = rows.scale.new_zeros(len(bias_first), len(columns))
        b[columns, range(len(columns))] = 1.0
        support = torch.ones_like(b, dtype=torch.bool)
        for refined in range(1 + PLAIN):
            is_exact, triangular = _residuals(rows, b, basis, bias_first)
            found = {j for j, exact in zip(columns, is_exact, strict=True) if exact}
            if len(found) == len(columns) or refined == PLAIN:
                break
            for k, j in enumerate(columns):
                if j not in found:
                    _refine(b[:, k], support[:, k], suspects[j], triangular, triangular.shape[1] - len(columns) + k)
        for k, j in enumerate(columns):
            if j not in found and _is_relatively(rows, b[:, k, None], suspects[j], bias_first):
                found.add(j)
    return found


def _is_relatively(rows: Rows, b: Tensor, basis: list[int], bias_first: list[int]) -> bool:
    """Whether b (size, 1), refined in each row relative to its terms, makes its column dependent."""
    support = torch.ones_like(b, dtype=torch.bool)
    for _ in range(RELATIVE):
        _, triangular = _residuals(rows, b, basis, bias_first, is_relative=True)
        _refine(b[:, 0], support[:, 0], basis, triangular, -1)
        if _residuals(rows, b, basis, bias_first)[0][0]:
            return True
    return False


def _refine(b: Tensor, support: Tensor, basis: list[int], triangular: Tensor, column: int) -> None:
    """b (size,) less the least-squares solution for its residual, a column of R, in place.

    What changes by its own size is noise about 0, and perhaps the only term of a row: it leaves the support (size,).
    """
    kept = [i for i, k in enumerate(basis) if support[k]]
    small = factor(triangular[:, [*kept, column]])
    r, used = len(kept), [basis[i] for i in kept]
    delta = torch.linalg.solve_triangular(small[:r, :r], small[:r, -1:], upper=True)[:, 0]
    delta = torch.nan_to_num(delta, 0.0, 0.0, 0.0)
    before, after = b[used], b[used] - delta
    support[used] = (before == 0) | (delta.abs() < 0.5 * after.abs())
    b[used] = torch.where(support[used], after, 0.0)


def _residuals(
    rows: Rows, b: Tensor, basis: list[int], bias_first: list[int], is_relative: bool = False
) -> tuple[list[bool], Tensor]:
    """Whether each of the columns b (size, m) proves a dependence to the last place, and R of (X̃ at the basis, X̃b).

    Args:
        rows: X̃, in the units of `Rows.scale`.
        b: combinations, of columns with the bias first.
        basis: columns.
        bias_first: where they are in `Rows.extended`.
        is_relative: whether R is of rows divided by Σ_k |b_k x̃_ik|, for a single b.
    """
    used = b.abs().sum(1).nonzero()[:, 0].tolist()
    largest, squares = (rows.scale.new_zeros(b.shape[1]) for _ in range(2))

    def blocks() -> Iterator[Tensor]:
        for extended in rows.extended_chunks():
            x = extended[:, bias_first]
            off, terms = product(x[:, used], b[used]).hi, x.abs() @ b.abs()
            share = torch.where(terms > 0, off / terms, 0.0)
            torch.maximum(largest, share.abs().amax(0), out=largest)
            squares.add_(share.square().sum(0))
            block = torch.cat([x[:, basis], off], 1)
            yield torch.where(terms > 0, block / terms, 0.0) if is_relative else block

    like = rows.scale.new_zeros(0, len(basis) + b.shape[1])
    triangular = triangle(blocks(), like, rows.num_rows, rows.reduction)
    largest = of_each_process(largest, rows.reduction).amax(0)
    average = (rows.reduction(squares) / rows.num_rows).sqrt()
    is_exact = (largest <= AT_MOST * rows.rounding) & (average <= ON_AVERAGE * rows.rounding)
    return is_exact.tolist(), triangular
