"""Names of columns as they stand in a file, made different ones."""


def unique_names(names: list[str]) -> list[str]:
    """The names, of which the first may be blank; others that are get their place, and repeated ones a number."""
    found: list[str] = []
    for place, name in enumerate(names, 1):
        free = wanted = name.strip() or ("" if place == 1 else f"column {place}")
        number = 2
        while free in found:
            number, free = number + 1, f"{wanted} ({number})"
        found.append(free)
    return found
