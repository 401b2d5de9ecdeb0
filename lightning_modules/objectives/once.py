"""Methods without arguments that compute their result once."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar


class Owner(Protocol):
    """Who keeps results.

    Attributes:
        results: by the methods that computed them. Kept apart from their owner, so that a view can share them.
    """

    results: dict[str, Any]


Owns = TypeVar("Owns", bound=Owner)
Result = TypeVar("Result")


def once(method: Callable[[Owns], Result]) -> Callable[[Owns], Result]:
    """The result of a method, computed when it is first asked for; nobody may change it in place."""
    name = method.__qualname__

    @wraps(method)
    def kept(self: Owns) -> Result:
        if name not in self.results:
            self.results[name] = method(self)
        result: Result = self.results[name]
        return result

    return kept
