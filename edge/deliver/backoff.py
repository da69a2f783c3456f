"""How long to wait before trying again."""

import random


def delay(failures: int, initial: float, ceiling: float, draw: random.Random) -> float:
    """Return seconds to wait after so many failures in a row (1 for the first).

    Exponential with full jitter: uniform between nothing and
    `initial * 2**(failures - 1)`, at most `ceiling`. Many gateways that lost
    the same destination so come back spread out, not as one wave.
    """
    # The exponent is bounded because 2.0 ** 1024 overflows.
    return draw.uniform(0, min(ceiling, initial * 2.0 ** min(failures - 1, 60)))
