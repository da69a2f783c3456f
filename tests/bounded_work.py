"""A bound for work: calls of functions, which no busy machine makes more of."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooMuchWork(BaseException):
    """No handler of errors in the code may take it for one."""


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fail what calls more functions than that, in the middle of its work."""
    left = calls

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            sys.setprofile(None)
            raise TooMuchWork(f"more than {calls} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
