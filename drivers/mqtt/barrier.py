"""Tells up to when everything that the broker had for us has arrived. Pure.

A broker does not say when it has delivered all that it kept for us. But it
answers packets in order. When its answer to a ping arrives, everything that
it sent before has arrived, and it had received all acknowledgements that we
sent before the ping. If even so fewer messages were unacknowledged than it
sends at once, it had nothing more to send: all that was published until the
ping was sent is here.

How many it sends at once is at most our Receive Maximum (MQTT 5.0, section
4.9). Many brokers have a smaller limit of their own, which they do not tell:
while they hold messages back, as many as that are unacknowledged, so that it
is at least the most that ever were.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """What the answer to a ping has shown."""

    complete: bool
    """Everything published until `sent_at` has arrived."""
    sent_at: int
    """When the ping was sent, by the injected clock."""
    acknowledged: int
    """The batch up to which the broker has received our acknowledgements."""


@dataclass(slots=True)
class _Ping:
    number: int
    sent_at: int
    acknowledged: int
    released: int = 0


class Barrier:
    """Follows one connection: its pings, and the messages that the broker counts as in flight."""

    def __init__(self, receive_maximum: int) -> None:
        self._receive_maximum = receive_maximum
        self._in_flight: set[int] = set()
        self._most = 0
        self._sent = self._answered = 0
        self._ping: _Ping | None = None

    def received(self, packet_id: int) -> None:
        """Count a message as in flight."""
        self._in_flight.add(packet_id)
        self._most = max(self._most, len(self._in_flight))

    def released(self, packet_id: int) -> None:
        """Count it no longer: PUBACK or PUBCOMP was sent."""
        if packet_id in self._in_flight:
            self._in_flight.remove(packet_id)
            if self._ping is not None:
                self._ping.released += 1

    def ping(self, now: int, acknowledged: int) -> None:
        """Count a ping that is sent at `now`; it is the one to wait for, unless an earlier one is.

        `acknowledged` is the newest batch all of whose acknowledgements have been sent.
        """
        self._sent += 1
        if self._ping is None:
            self._ping = _Ping(self._sent, now, acknowledged)

    def answered(self) -> Proof | None:
        """Count an answer; return what it shows, if its ping is the one waited for."""
        self._answered += 1
        ping = self._ping
        if ping is None or self._answered < ping.number:
            return None
        self._ping = None
        in_flight = len(self._in_flight) + ping.released
        window = min(self._receive_maximum, max(self._most, 1))
        return Proof(in_flight < window, ping.sent_at, ping.acknowledged)
