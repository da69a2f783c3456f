"""Times, durations and counts as an operator reads them; times in the machine's own zone."""

from datetime import UTC, datetime


def date_and_time(milliseconds: int) -> str:
    """Return e.g. "2026-11-22 14:03:12.220"."""
    return _local(milliseconds).isoformat(sep=" ", timespec="milliseconds")


def clock_time(milliseconds: int) -> str:
    """Return e.g. "14:03:12.220"."""
    return _local(milliseconds).time().isoformat(timespec="milliseconds")


def time_beside(milliseconds: int, other: int) -> str:
    """Return the clock time; with its date, if that is not the date of the `other` time."""
    is_same_day = _local(milliseconds).date() == _local(other).date()
    return clock_time(milliseconds) if is_same_day else date_and_time(milliseconds)


def zone(milliseconds: int) -> str:
    """Return what the machine's time zone is called at that time, e.g. "CET"."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().tzname() or "local time"


def _local(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().replace(tzinfo=None)


def in_words(milliseconds: int) -> str:
    """Return a duration with its two largest units, e.g. "4 min 12 s"; "0 s" if negative."""
    seconds = max(0, milliseconds) // 1000
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts = parts[1:]
    return " ".join(f"{n} {unit}" for n, unit in parts[:2] if n or len(parts) == 1)


def counted(n: int, noun: str) -> str:
    """Return e.g. "1 signal" or "2 signals"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
