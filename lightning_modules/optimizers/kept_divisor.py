"""What gradients are divided by between two updates of the averaged curvature: computed once, not at every step."""

from collections.abc import Callable

from torch import Tensor


class KeptDivisor:
    """Keeps a divisor that follows from a tensor, until that is another tensor or has been changed in place.

    It is no state of the method: whoever goes on from a checkpoint makes it from the same numbers again.
    """

    def __init__(self) -> None:
        self._of: tuple[Tensor, int] | None = None
        self._divisor: Tensor | None = None

    def of(self, curvature: Tensor, make: Callable[[], Tensor]) -> Tensor:
        """`make()` (p,), as it was made last where the averaged curvature v (p,) is still the same."""
        if self._divisor is None or self._of is None or self._of[0] is not curvature or self._of[1] != curvature._version:
            self._divisor, self._of = make(), (curvature, curvature._version)
        return self._divisor
