"""The state of one connection, written by its driver, read by health and the log."""

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.contract.clock import Clock


class LinkDown(Exception):
    """A connection failed or was lost; the message says how, in an operator's words."""


@dataclass(slots=True)
class Link:
    """What is known of one connection. Times are milliseconds since the Unix epoch."""

    name: str
    clock: Clock
    is_up: bool = False
    changed_at: int = 0
    """Since when it is up, or down."""
    reason: str = "not connected yet"
    """Why it is down; empty while it is up, or not needed yet."""
    faults: dict[str, str] = field(default_factory=dict)
    """What is wrong although the link is up, by subject: a refused subscription, a bad node."""
    on_change: Callable[["Link"], None] = field(default=lambda _: None, repr=False)
    """Called after it went up, went down, or is down for another reason than before."""
    _heard_until: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not self.changed_at:
            self.changed_at = self.clock()

    def up(self) -> None:
        """Say that the connection stands."""
        if not self.is_up:
            self.is_up, self.reason, self.changed_at = True, "", self.clock()
            self.on_change(self)

    def down(self, reason: str) -> None:
        """Say that the connection is lost or cannot be made, and why."""
        is_known = not self.is_up and reason == self.reason
        if self.is_up or not self.reason:  # until it is needed it is neither up nor down
            self.changed_at = self.clock()
        self.is_up, self.reason = False, reason
        if not is_known:
            self.on_change(self)

    @property
    def heard_until(self) -> int | None:
        """Everything that the source said up to then has been handed in; None if not known.

        It stands still while the link is down or catching up. That something has
        not happened can be concluded only up to this time. A time still to come was
        told by a clock that was fast and has been set back: it is forgotten, or it
        would count when that time comes and the source may be away.
        """
        if self._heard_until is not None and self._heard_until > self.clock():
            self._heard_until = None
        return self._heard_until

    def heard(self, until: int) -> None:
        """Say that all up to `until` has been handed in to the intake."""
        self._heard_until = until

    def fault(self, subject: str, text: str) -> None:
        """Record what is wrong with `subject` until `mended`."""
        self.faults[subject] = text

    def mended(self, subject: str) -> None:
        """Withdraw the fault of `subject`, if there is one."""
        self.faults.pop(subject, None)
