"""How much a destination is sent in a second. Pure."""


class Bucket:
    """A token bucket: half a second's worth of tokens, at least one, is saved up.

    What is taken may exceed what is there by that much again; the next waits
    until it is paid back. So in any T seconds at most rate * T are taken, and
    one second's worth, or two, beyond it. Times are the event loop's.
    """

    def __init__(self, rate: float) -> None:
        """`rate` is tokens per second."""
        self._rate = rate
        self._hold = max(1.0, rate / 2)
        self._balance = self._hold
        self._at = float("-inf")

    @property
    def most(self) -> int:
        """How many may be taken at once."""
        return int(self._hold)

    def ready_at(self, now: float) -> float:
        """Return when something may be taken: now, or later."""
        self._fill(now)
        return now - min(self._balance, 0.0) / self._rate

    def take(self, tokens: int, now: float) -> None:
        """Take tokens: up to `most`, when ready."""
        self._fill(now)
        self._balance -= tokens

    def _fill(self, now: float) -> None:
        self._balance = min(self._hold, self._balance + max(now - self._at, 0.0) * self._rate)
        self._at = now


class Rate:
    """The bounds of requests and of milestones per second; None is no bound."""

    def __init__(self, requests: float | None, milestones: float | None) -> None:
        self._requests = Bucket(requests) if requests else None
        self._milestones = Bucket(milestones) if milestones else None

    def most(self, milestones: int) -> int:
        """Return how many of so many milestones may be sent together."""
        return min(milestones, self._milestones.most) if self._milestones else milestones

    def ready_at(self, now: float) -> float:
        """Return when a request may be sent: now, or later."""
        buckets = (self._requests, self._milestones)
        return max((bucket.ready_at(now) for bucket in buckets if bucket), default=now)

    def sent(self, milestones: int, now: float) -> None:
        """Count a request with so many milestones; none if it only asks."""
        if self._requests:
            self._requests.take(1, now)
        if self._milestones:
            self._milestones.take(milestones, now)
