"""What the numbers say, kept short: whoever reads more than five lines reads the table instead."""

MOST = 5


def five_lines(sentences: list[str], endings: list[str]) -> list[str]:
    """At most five, the first of the sentences before all endings; these are never left out, and share a line if they must.

    Args:
        sentences: the most important first.
        endings: what has to be said, such as who diverged.
    """
    if len(endings) > MOST:
        endings = [*endings[: MOST - 1], " ".join(endings[MOST - 1 :])]
    return [*sentences[: MOST - len(endings)], *endings]
