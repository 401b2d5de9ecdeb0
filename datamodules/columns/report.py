"""What was done to a table: nothing is done that is not said, and whoever wants nothing done gets it refused instead."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from datamodules.messages import listed

_EXCLUDE = "convert them, or name them in exclude"


class Topic(Enum):
    """A kind of thing that is done to tables: (how that is said, what it is where it is refused, what to do about it)."""

    FORMAT = ("read as", "another form than a plain file", "write it as UTF-8 with commas")
    NAMES = ("columns named", "columns without a name of their own", "rename them in the file")
    ROW_NUMBERS = ("left out, they number or name the rows", "columns that number or name the rows", "name them in exclude")
    UNUSABLE = ("left out, neither numbers, texts nor dates", "columns that are neither numbers, texts nor dates", _EXCLUDE)
    EMPTY = ("left out, without a value in training", "columns without a value in the training rows", _EXCLUDE)
    CONSTANT = ("left out, the same in all training rows", "columns that are constant in the training rows", _EXCLUDE)
    MANY_TEXTS = (
        "left out, no category has enough training rows",
        "columns of which no category has enough training rows",
        "name them in exclude, or in categorical if they are categories",
    )
    NOTATION = ("numbers read from", "numbers that are not plain ones", "write plain ones, or name the columns in categorical")
    CODES = ("taken for categories", "columns of numbers and texts", "correct these cells, or name the columns in categorical")
    DATES = ("dates, used as days since 1970, year, month and weekday", "dates", "convert them, or name them in exclude")
    MISSING_CODES = (
        "taken for missing values",
        "texts that may stand for missing values",
        "leave these cells empty, or name the texts in missing_codes",
    )
    NO_TARGET = ("rows left out", "rows that cannot be used", "drop those rows")
    NO_WEIGHT = ("rows left out, of weight 0", "rows of weight 0", "drop those rows")
    MISSING = (
        "missing values, numbers by the training median and marked, others a category of their own",
        "missing values",
        "fill them in, drop those rows, or name the columns in exclude",
    )
    ALL_DIFFERENT = (
        "numbers that differ in every row, to be excluded if they identify rows",
        "numbers that differ in every row",
        "name them in exclude",
    )
    POOLED = (
        "categories with few rows, or beyond max_levels, pooled",
        "categories with few training rows",
        "merge them, or name the columns in exclude",
    )
    UNSEEN = (
        "categories without training rows",
        "categories without training rows",
        "merge them, or choose another seed or fraction",
    )
    CLASSES = (
        "classes with few rows",
        "classes with few rows",
        "add rows of them, merge classes, or change val_fraction and test_fraction",
    )

    @property
    def done(self) -> str:
        return self.value[0]

    @property
    def found(self) -> str:
        return self.value[1]

    @property
    def remedy(self) -> str:
        return self.value[2]


# What is no intervention is not refused either.
HARMLESS = frozenset({Topic.FORMAT, Topic.ALL_DIFFERENT, Topic.NO_WEIGHT})


@dataclass
class Report:
    """What was done to one file, by topic.

    Attributes:
        path: the file.
        refused: topics of which nothing may be done.
        items: what was done, each in a few words that name the column.
        rows: what became of the rows, by their number.
        columns: what became of each column of the file.
    """

    path: Path
    refused: frozenset[Topic] = frozenset()
    items: dict[Topic, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    def add(self, topic: Topic, *items: str) -> None:
        self.items.setdefault(topic, []).extend(items)

    def tell(self, column: str, what: str) -> None:
        """What became of a column, after what was told of it before."""
        self.columns[column] = f"{self.columns[column]}; {what}" if column in self.columns else what

    def plain(self) -> dict[str, Any]:
        """The same in texts and numbers."""
        items = {topic.name: items for topic, items in self.items.items() if items}
        return {"items": items, "rows": self.rows, "columns": self.columns}

    def take(self, plain: dict[str, Any]) -> None:
        """Say what `plain` said."""
        self.items = {Topic[name]: items for name, items in plain["items"].items()}
        self.rows, self.columns = plain["rows"], plain["columns"]

    def check(self) -> None:
        """Refuse what is not to be done.

        Raises:
            ValueError: names everything of the first such topic.
        """
        for topic in Topic:
            if topic in self.refused and (items := self.items.get(topic)):
                raise ValueError(f"{self.path} has {topic.found}: {listed(items)}; {topic.remedy}")

    def lines(self, most: int = 8) -> list[str]:
        """A line a topic, of at most so many items each."""
        return [f"{topic.done}: {listed(self.items[topic], most)}" for topic in Topic if self.items.get(topic)]
