"""One seed from several numbers, so that neighbouring ones give generators that have nothing to do with each other."""

import numpy as np


def mixed_seed(*numbers: int) -> int:
    """64 bits that depend on all of the numbers ≥ 0 and on their order, by `numpy.random.SeedSequence`."""
    high, low = np.random.SeedSequence(numbers).generate_state(2, np.uint32)
    return int(high) << 32 | int(low)
