"""Waiting for what a measurement needs to happen, but not for ever."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.01


class InVain(Exception):
    """What was waited for has not happened; the message says what."""


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """Return the monotonic time at which the condition was seen to hold.

    Raises:
        InVain: It did not hold in time.

    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise InVain(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic()
