"""Devices behind something that keeps what they say until it is acknowledged, and our driver.

`Hub` is the outside: a broker, or a PLC's ring. It delivers in order, and
again after a lost connection whatever it holds no acknowledgement for.
`SimulatedSource` is the driver. It hands in and acknowledges with the parts
that the MQTT driver is made of; only the wire is missing.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from drivers.contract import Batch, Clock, Intake, Link, LinkDown, Signal
from drivers.mqtt.commits import Commits
from drivers.mqtt.packets import Delivery
from drivers.mqtt.redelivery import Deliveries
from tests.simulation.trace import Trace

DRAIN_SECONDS = 5.0


class Said(NamedTuple):
    """A signal outside, numbered by its hub from 1."""

    number: int
    subject: str
    payload: bytes


class Hub:
    """Keeps what devices say, in order, until it is acknowledged."""

    def __init__(self, name: str, pace: float, trace: Trace) -> None:
        """It is asked for a sign of life every `pace` seconds."""
        self.name = name
        self.pace = pace
        self.said: list[Said] = []
        self.acknowledged: set[int] = set()
        self.connection: Connection | None = None
        self.is_reachable = True
        self.loses_acknowledgement = False
        """The next one that comes."""
        self._sent: set[int] = set()
        self._trace = trace

    def say(self, subject: str, payload: bytes) -> None:
        """Take a signal from a device."""
        said = Said(len(self.said) + 1, subject, payload)
        self.said.append(said)
        self._trace("said", self.name, said.number, subject, payload)
        if self.connection is not None:
            self.connection.has_more.set()

    def connect(self) -> "Connection":
        """Begin a connection; one that stands is over.

        Raises:
            LinkDown: The hub cannot be reached.

        """
        self.cut("taken over")
        if not self.is_reachable:
            raise LinkDown(f"{self.name} cannot be reached")
        self.connection = Connection(self)
        self._trace("connected", self.name)
        return self.connection

    def cut(self, why: str) -> None:
        """End the connection, if there is one."""
        if self.connection is not None:
            self._trace("cut", self.name, why)
            self.connection.end(why)
            self.connection = None

    def acknowledge(self, connection: "Connection", numbers: Iterable[int]) -> None:
        """Forget signals, if the acknowledgement arrives."""
        numbers = list(numbers)
        if self.loses_acknowledgement and connection is self.connection:
            self.loses_acknowledgement = False
            self.cut("the acknowledgement was lost")
        if connection is not self.connection:
            self._trace("acknowledgement lost", self.name, numbers)
            return
        self._trace("acknowledged", self.name, numbers)
        self.acknowledged.update(numbers)

    def unacknowledged(self, after: int, limit: int) -> list[tuple[Said, bool]]:
        """Return what comes next on a connection, and whether it came on an earlier one."""
        found: list[tuple[Said, bool]] = []
        for said in self.said[after:]:
            if len(found) == limit:
                break
            if said.number not in self.acknowledged:
                found.append((said, said.number in self._sent))
                self._sent.add(said.number)
        return found


class Connection:
    """One connection to a hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.has_more = asyncio.Event()
        self.reason = ""
        self.position = 0
        self.unanswered: set[int] = set()

    def end(self, why: str) -> None:
        """Tell the driver that it is over."""
        self.reason = why
        self.has_more.set()

    def receive(self, limit: int, at_once: int) -> list[tuple[Said, bool]]:
        """Return the next signals, in order; at most `limit` are unanswered."""
        room = min(limit - len(self.unanswered), at_once)
        if room <= 0:
            return []
        found = self.hub.unacknowledged(self.position, room)
        self.position = found[-1][0].number if len(found) == room else len(self.hub.said)
        self.unanswered.update(said.number for said, _ in found)
        return found

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Say that signals are committed."""
        self.unanswered.difference_update(numbers)
        self.hub.acknowledge(self, numbers)
        self.has_more.set()


class Memory(Protocol):
    """How a driver knows again what it has committed."""

    def is_committed(self, said: Said, *, again: bool) -> bool:
        """Tell whether the signal is committed already."""
        ...

    def add(self, received: Sequence[tuple[Said, bool]]) -> Mapping[str, bytes | None]:
        """Return the bookmarks to be committed with signals."""
        ...

    def proven(self) -> Mapping[str, bytes | None]:
        """Return the bookmarks to be forgotten, now that all acknowledgements have arrived."""
        ...


class Packets:
    """By packet id, as the MQTT driver does."""

    def __init__(self, bookmarks: Mapping[str, bytes]) -> None:
        self._deliveries = Deliveries(bookmarks)

    def is_committed(self, said: Said, *, again: bool) -> bool:
        return self._deliveries.is_committed(_delivery(said, again=again))

    def add(self, received: Sequence[tuple[Said, bool]]) -> Mapping[str, bytes | None]:
        return self._deliveries.add([_delivery(said, again=again) for said, again in received])

    def proven(self) -> Mapping[str, bytes | None]:
        return self._deliveries.forget(self._deliveries.last)


class Counter:
    """By the number of the last one, as of a ring with a counter."""

    def __init__(self, bookmarks: Mapping[str, bytes]) -> None:
        self._last = int(bookmarks.get("last", b"0"))

    def is_committed(self, said: Said, *, again: bool) -> bool:
        del again
        return said.number <= self._last

    def add(self, received: Sequence[tuple[Said, bool]]) -> Mapping[str, bytes | None]:
        self._last = max([self._last, *(said.number for said, _ in received)])
        return {"last": str(self._last).encode()}

    def proven(self) -> Mapping[str, bytes | None]:
        return {}


class Oblivion:
    """Not at all: it falls to the rules to make no fact twice."""

    def __init__(self, bookmarks: Mapping[str, bytes]) -> None:
        del bookmarks

    def is_committed(self, said: Said, *, again: bool) -> bool:
        del said, again
        return False

    def add(self, received: Sequence[tuple[Said, bool]]) -> Mapping[str, bytes | None]:
        del received
        return {}

    def proven(self) -> Mapping[str, bytes | None]:
        return {}


def _delivery(said: Said, *, again: bool) -> Delivery:
    return Delivery(said.subject, said.payload, 1, said.number, again)


MEMORIES: Mapping[str, Callable[[Mapping[str, bytes]], Memory]] = {
    "floor": Packets,
    "plc": Counter,
    "dock": Oblivion,
}
"""The hubs, and how each one's driver remembers."""


class SimulatedSource:
    """The driver of one hub."""

    def __init__(self, hub: Hub, clock: Clock, limit: int, at_once: int) -> None:
        """At most `limit` signals are under way, and `at_once` are handed in together."""
        self._hub = hub
        self._clock = clock
        self._limit = limit
        self._at_once = at_once

    async def run(self, intake: Intake, link: Link) -> None:
        """Listen until cancelled; see `Source.run`."""
        memory = MEMORIES[self._hub.name](await intake.bookmarks())
        connection = self._hub.connect()
        failed: list[BaseException] = []

        def fail(error: BaseException) -> None:
            failed.append(error)
            connection.end("the store failed")

        commits = Commits(intake, fail)
        patience: float | None = DRAIN_SECONDS
        link.up()
        try:
            await self._listen(connection, commits, memory, link)
            patience = None
        finally:
            link.down(connection.reason or "stopped")
            await commits.drain(patience)
        if failed:
            raise failed[0]
        raise LinkDown(connection.reason)

    async def _listen(
        self, connection: Connection, commits: Commits, memory: Memory, link: Link
    ) -> None:
        loop = asyncio.get_running_loop()
        next_proof = loop.time()
        while not connection.reason:
            connection.has_more.clear()
            received = connection.receive(self._limit, self._at_once)
            if received:
                self._hand_in(received, connection, commits, memory)
                continue
            if loop.time() >= next_proof:
                next_proof = loop.time() + self._hub.pace
                self._ask(connection, commits, memory, link)
            try:
                async with asyncio.timeout_at(next_proof):
                    await connection.has_more.wait()
            except TimeoutError:
                pass

    def _hand_in(
        self,
        received: Sequence[tuple[Said, bool]],
        connection: Connection,
        commits: Commits,
        memory: Memory,
    ) -> None:
        now = self._clock()
        signals = [
            Signal(said.subject, said.payload, now)
            for said, again in received
            if not memory.is_committed(said, again=again)
        ]
        numbers = [said.number for said, _ in received]
        batch = Batch(signals, memory.add(received))
        commits.submit(batch, len(signals), lambda: connection.acknowledge(numbers))

    def _ask(self, connection: Connection, commits: Commits, memory: Memory, link: Link) -> None:
        """Conclude, once all that was said until now is committed, that it was heard."""
        asked_at = self._clock()
        if connection.position < len(self._hub.said):
            return

        def conclude() -> None:
            if connection.reason:
                return
            link.heard(asked_at)
            if not connection.unanswered and (outdated := memory.proven()):
                commits.submit(Batch(bookmarks=outdated), 0, lambda: None)

        commits.after(conclude)
