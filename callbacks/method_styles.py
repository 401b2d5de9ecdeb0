"""One colour, dash and marker for each method, whatever stands beside it and in which order."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from callbacks.okabe_ito import BLACK, BLUE, COLORS, GREEN, ORANGE, PURPLE, SKY, VERMILLION

Dash = str | tuple[float, tuple[float, ...]]
SOLID, DASHED, DOT_DASHED, DOTTED = "-", "--", "-.", ":"
TWO_DOTS = (0.0, (8.0, 2.0, 1.0, 2.0, 1.0, 2.0))
DASHES: tuple[Dash, ...] = (SOLID, DASHED, DOT_DASHED, DOTTED, TWO_DOTS)
MARKERS = "osvDP^X<*>"


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn.

    Attributes:
        color: of its line, bars and dots.
        dash: of its line.
        marker: of its dots.
    """

    color: str
    dash: Dash
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """For `Axes.plot`."""
        return {"color": self.color, "linestyle": self.dash}


# Those that are drawn together most often are furthest apart under each of the three kinds of colour blindness.
KNOWN = {
    "newton": MethodStyle(BLUE, SOLID, "o"),
    "diagonal newton": MethodStyle(VERMILLION, SOLID, "s"),
    "kronecker newton": MethodStyle(SKY, SOLID, "^"),
    "gradient descent": MethodStyle(BLACK, SOLID, "v"),
    "adam": MethodStyle(PURPLE, SOLID, "D"),
    "rmsprop": MethodStyle(ORANGE, SOLID, "X"),
    "sgd": MethodStyle(GREEN, DASHED, "<"),
    "nesterov": MethodStyle(BLACK, DOT_DASHED, ">"),
    "adagrad": MethodStyle(BLACK, DOTTED, "*"),
    "nadamw": MethodStyle(BLUE, DASHED, "P"),
    "muon": MethodStyle(ORANGE, DASHED, "p"),
    "soap": MethodStyle(GREEN, DOT_DASHED, "h"),
    "schedule-free adamw": MethodStyle(SKY, DOT_DASHED, "d"),
    "l-bfgs": MethodStyle(ORANGE, DOT_DASHED, "8"),
    # Peers are dashed, so that a method they coincide with shows through.
    "scikit-learn": MethodStyle(SKY, DASHED, "P"),
    "library layer": MethodStyle(ORANGE, DOTTED, "X"),
}
FREE = [
    (color, dash) for dash in DASHES for color in COLORS if (color, dash) not in {(k.color, k.dash) for k in KNOWN.values()}
]


def method_styles(labels: Iterable[str]) -> dict[str, MethodStyle]:
    """A style for each label of a comparison, which depends on the names alone and not on their order.

    "Adam, default lr" is Adam in another dash. A name that is not known here has a colour by what it is called.
    """
    given = sorted(set(labels))
    families: dict[str, list[str]] = {}
    for label in sorted(given, key=lambda label: (label.lower() != family_of(label), label)):
        families.setdefault(family_of(label), []).append(label)
    styles: dict[str, MethodStyle] = {}
    for family in sorted(families, key=lambda family: (family not in KNOWN, family)):
        first, *variants = families[family]
        base = styles[first] = KNOWN.get(family) or unknown(family, list(styles.values()))
        for label in variants:
            styles[label] = MethodStyle(base.color, next_dash(base.color, list(styles.values())), base.marker)
    return styles


def family_of(label: str) -> str:
    """The known method whose name a label begins with, else what stands before its first comma; in small letters."""
    small = label.lower()
    known = [name for name in KNOWN if re.match(rf"{re.escape(name)}(?!\w)", small)]
    return max(known, key=len, default=small.partition(",")[0])


def unknown(family: str, taken: list[MethodStyle]) -> MethodStyle:
    """A style that no known method has: by a number of the name, or the next that is free here, in a colour that is."""
    start = crc32(family.encode(errors="surrogatepass"))
    turned = [FREE[(start + step) % len(FREE)] for step in range(len(FREE))]
    used = {(style.color, style.dash) for style in taken}
    colors = {style.color for style in taken}
    free = [pair for pair in turned if pair not in used] or turned
    color, dash = next((pair for pair in free if pair[0] not in colors), free[0])
    return MethodStyle(color, dash, MARKERS[start % len(MARKERS)])


def next_dash(color: str, taken: list[MethodStyle]) -> Dash:
    """A dash in which nothing of this colour is drawn yet, and in which no known method is, as far as there are any."""
    used = [style.dash for style in taken if style.color == color]
    free = [dash for free_color, dash in FREE if free_color == color]
    return next((dash for dash in free if dash not in used), free[len(used) % len(free)])
