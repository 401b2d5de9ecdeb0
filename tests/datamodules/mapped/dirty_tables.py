"""Tables with every kind of dirt, as the cells of a text file."""

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROWS = 600
Column = Callable[[np.random.Generator, int], list[str]]


def pick(*values: str, shares: tuple[float, ...] | None = None) -> Column:
    return lambda generator, n: generator.choice(values, n, p=shares).tolist()


def numbers(generator: np.random.Generator, n: int) -> list[str]:
    return [f"{x:.3f}" for x in generator.normal(size=n)]


def some(column: Column, share: float, *others: str) -> Column:
    """The column with some cells replaced."""

    def made(generator: np.random.Generator, n: int) -> list[str]:
        replaced, by = generator.random(n) < share, generator.choice(others, n)
        return [str(by[i]) if replaced[i] else cell for i, cell in enumerate(column(generator, n))]

    return made


def dates(form: str) -> Column:
    def made(generator: np.random.Generator, n: int) -> list[str]:
        first = datetime.date(2018, 3, 1)
        return [(first + datetime.timedelta(days=int(day))).strftime(form) for day in generator.integers(0, 900, n)]

    return made


def thousands(generator: np.random.Generator, n: int) -> list[str]:
    return [f"{x:,}" for x in generator.integers(0, 5_000_000, n).tolist()]


DIRT: dict[str, Column] = {
    "plain": numbers,
    "gaps": some(numbers, 0.1, ""),
    "coded": some(numbers, 0.1, "?", "NA", ""),
    "coded by a number": some(numbers, 0.1, "-9", "-9.0"),
    "blank": some(numbers, 0.3, " 1.5 ", " "),
    "hexadecimal": some(pick("1", "2", "3", "7"), 0.2, "0x1F"),
    "signed": some(numbers, 0.4, "+1.5", "-.5", "1e-3", "2."),
    "decimal commas": lambda generator, n: [cell.replace(".", ",") for cell in numbers(generator, n)],
    "thousands": thousands,
    "per cent": lambda generator, n: [f"{x} %" for x in generator.integers(0, 100, n)],
    "money": lambda generator, n: [f"${x:.2f}" for x in generator.random(n)],
    "zip": pick("01234", "00501", "99501", "10001"),
    "colour": pick("red", "green", "blue"),
    "colour with gaps": some(pick("red", "green", "blue"), 0.1, "", "NA"),
    "rare": pick("a", "b", "c", "d", "e", shares=(0.6, 0.39, 0.004, 0.003, 0.003)),
    "other": some(pick("other", "missing", "x"), 0.05, "", "seldom", "never"),
    "levels": lambda generator, n: [f"level {x}" for x in generator.integers(0, 300, (2, n)).min(0)],
    "names": lambda generator, n: [f"name {x}" for x in generator.permutation(10 * n)[:n]],
    "constant": pick("7"),
    "constant with gaps": some(pick("7"), 0.2, ""),
    "constant text": pick("same"),
    "empty": pick(""),
    "day": dates("%Y-%m-%d"),
    "day with gaps": some(dates("%d.%m.%Y"), 0.1, "", "?"),
    "month first": dates("%m/%d/%Y"),
    "flag": pick("true", "false"),
    "flag with gaps": some(pick("True", "False"), 0.1, ""),
    "id": lambda generator, n: list(map(str, range(n))),
    "grade": pick("1", "2", "3"),
    "grade or text": some(pick("1", "2", "3"), 0.3, "none at all", "A"),
}
TARGETS: dict[str, Column] = {
    "number": numbers,
    "number with gaps": some(numbers, 0.05, "", "?"),
    "coded number": some(numbers, 0.05, "-9"),
    "class": pick("yes", "no"),
    "class with gaps": some(pick("yes", "no", "maybe"), 0.05, "", "NA"),
    "rare class": lambda generator, n: ["only", "two", "two", *pick("yes", "no")(generator, n - 3)],
    "whole": pick("0", "1", "2", "2.0"),
}


def write(path: Path, names: list[str], target: str, seed: int = 0, rows: int = ROWS) -> str:
    """A text file with these columns and a target called "y"."""
    generator = np.random.default_rng(seed)
    columns = [DIRT[name](generator, rows) for name in names] + [TARGETS[target](generator, rows)]
    lines = ["\t".join(cells) for cells in ([*names, "y"], *zip(*columns, strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)
