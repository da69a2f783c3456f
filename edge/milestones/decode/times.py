"""Event times as devices write them."""

import math
from datetime import UTC, datetime, timedelta

from drivers.contract import Signal
from edge.milestones.decode.part import Malformed, described
from edge.milestones.model import TimeFrom

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LEAST_MILLISECONDS = 10**11  # as seconds this is the year 5138, as milliseconds 1973
_EARLIEST = 1_420_070_400_000  # 2015-01-01: a clock before it was never set
_DAY = 86_400_000


def milliseconds(value: object, where: str) -> int:
    """Return a time as milliseconds since the Unix epoch.

    A text is ISO 8601 with "Z" or an offset: a local time without one names
    two moments each autumn. A number below 100,000,000,000 is seconds since the
    Unix epoch, any other milliseconds.

    Raises:
        Malformed: It is neither.

    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return (moment - _EPOCH) // _MILLISECOND
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value) if abs(value) >= _LEAST_MILLISECONDS else round(value * 1000)
    raise Malformed(
        f"{where}: {described(value)} is no time; expected ISO 8601 with 'Z' or an offset, "
        "or a number of seconds or milliseconds since 1970",
    )


def occurred_at(stated: int | None, signal: Signal) -> tuple[int, TimeFrom | None]:
    """Return when it happened, the first believable of what is known, and whose time that is.

    That is the time in the payload, then the protocol's, then that of
    reception. A time before 2015 or more than a day after reception is not
    believed: it comes from a clock that was never set. Whose time counts
    instead is told; it is None if the first that was stated is believed.
    """
    latest = signal.received_at + _DAY
    doubted = False
    for known, whose in ((stated, None), (signal.source_at, TimeFrom.PROTOCOL)):
        if known is None:
            continue
        if _EARLIEST <= known <= latest:
            return known, whose if doubted else None
        doubted = True
    return signal.received_at, TimeFrom.ARRIVAL if doubted else None
