"""How many entries are sent together. Pure."""

GROW_SECONDS = 30.0
"""A limit found by being refused is tried again, a quarter higher, after this time."""


class BatchSize:
    """Up to the sink's limit, less where the destination refused so many, but never for good.

    A destination whose limit is raised is found out without a restart. Times
    are the event loop's, in seconds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed_at = 0.0
        self.limit = most

    def too_large(self, size: int, now: float) -> None:
        """Learn that so many were refused for their number."""
        self.limit = min(self.limit, max(1, size // 2))
        self._changed_at = now

    def worked(self, size: int, now: float) -> None:
        """Learn that so many were taken together."""
        is_due = now - self._changed_at >= GROW_SECONDS
        if is_due and self.limit <= size and self.limit < self._most:
            self.limit = min(self._most, self.limit + max(1, self.limit // 4))
            self._changed_at = now
