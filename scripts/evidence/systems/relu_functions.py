"""S14: the tent and the dead zone as ReLU networks with exact weights."""

from callbacks.picture_file import write_picture
from evidence.systems.expectation import at_most
from evidence.systems.relu_figure import draw_functions
from evidence.systems.system import Claim, Context, Outcome, System

THRESHOLD = 0.5


def compare_functions_with_networks(context: Context) -> Outcome:
    """Both functions against their networks on a grid."""
    figure, differences = draw_functions(THRESHOLD, 1001)
    path = context.output / "relu_functions.png"
    write_picture(figure, path)
    claims = [
        Claim(f"{name}: largest difference from its network", "0", at_most(1e-15), difference, ".1e", is_headline=True)
        for name, difference in differences.items()
    ]
    return Outcome(claims, [path])


SYSTEM = System("S14", compare_functions_with_networks, is_exact=True)
