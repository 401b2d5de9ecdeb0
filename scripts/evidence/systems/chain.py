"""S6: second derivatives through a chain of four tanh neurons, and through any dense network."""

from evidence.systems.agreement import relative_difference
from evidence.systems.chain_steps import PUBLISHED as SLIPS
from evidence.systems.chain_steps import chain_steps, step_tables
from evidence.systems.expectation import at_most, rounded
from evidence.systems.plain_table import plain
from evidence.systems.random_rows import classes, parameters
from evidence.systems.system import Claim, Context, Outcome, System
from lightning_modules.networks import DenseNetwork
from lightning_modules.objectives import NetworkObjective, Point
from lightning_modules.objectives.families import Categorical

GRADIENT = ("0.1150", "0.1765", "-0.6922", "0.1943")
HESSIAN = (
    ("-0.3718",),
    ("0.1720", "-0.0891"),
    ("-0.8277", "-1.2700", "0.0006"),
    ("0.2330", "0.3576", "-1.4022", "0.0019"),
)
DIGITS = 4
WIDTHS = (5, 8, 8, 8, 3)


def compare_chain_derivatives(context: Context) -> Outcome:
    """The chain's gradient and Hessian, number by number; the general diagonal against automatic differentiation."""
    found = chain_steps()
    claims = [Claim(f"∂L/∂w{i + 1}", text, rounded(text), float(found.gradient[i])) for i, text in enumerate(GRADIENT)]
    for row, texts in enumerate(HESSIAN):
        for column, text in enumerate(texts):
            slip = SLIPS.get((column + 1, row + 1))
            claims.append(
                Claim(
                    f"∂²L/∂w{column + 1}∂w{row + 1}",
                    text if slip is None else f"{slip} (wrong)",
                    rounded(text),
                    float(found.hessian[row, column]),
                    is_headline=slip is not None,
                )
            )
    network = DenseNetwork(WIDTHS, "tanh")
    objective, theta = NetworkObjective(network, Categorical(WIDTHS[-1]), *classes(20, WIDTHS)), parameters(network)
    difference = relative_difference(
        *(point.curvature("hessian").diagonal() for point in (objective.at(theta), Point(objective, theta)))
    )
    name = f"diagonal of the Hessian, tanh {'-'.join(map(str, WIDTHS))}: difference from automatic differentiation"
    claims.append(Claim(name, "wrong recursion", at_most(1e-11), difference, ".1e", is_headline=True))
    return Outcome(claims, tables=[plain(table) for table in step_tables(found, DIGITS)])


SYSTEM = System(
    "S6",
    compare_chain_derivatives,
    wrong="Entry (2,4) of the published Hessian is 2.449, a slip: w₃ was replaced by tanh z₃; entry (4,4) is 0.0004. The "
    "published recursion for the diagonal drops the off-diagonal terms of ∂²L/∂a∂a, which the next layer down needs.",
    is_exact=True,
)
