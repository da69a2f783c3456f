"""A record buffer, read forward from the last committed record."""

import asyncio
import contextlib
from collections.abc import Mapping

from asyncua import ua

from drivers.contract import Batch, Clock, Gap, Signal
from drivers.opcua import ring
from drivers.opcua.connection import NODES_PER_REQUEST, Connection, readable
from drivers.opcua.failures import describe
from drivers.opcua.handoff import Handoff
from drivers.opcua.settings import RecordBuffer
from drivers.opcua.values import milliseconds, payload_of

_POLL_SECONDS = 1.0
"""How often the counter is looked at when nobody says that it has changed."""
_REREAD_SECONDS = 0.05
_LARGEST_COUNT = 2**63 - 1
"""A counter of 64 bits beyond it was never set; how much a gap lacks could not be stored."""
_PATIENCE_SECONDS = 5.0
"""How long a record may be announced by the counter and not be in its slot."""


class RecordReader:
    """Hands in the records of one buffer, each exactly once."""

    def __init__(
        self,
        connection: Connection,
        handoff: Handoff,
        clock: Clock,
        buffer: RecordBuffer,
        bookmarks: Mapping[str, bytes],
    ) -> None:
        """Count in the buffer; `bookmarks` are those of the source as last committed."""
        self._connection = connection
        self._handoff = handoff
        self._clock = clock
        self._buffer = buffer
        self._bookmark = f"record:{buffer.name}"
        known = bookmarks.get(self._bookmark)
        self._last = None if known is None else int(known)
        """The last record committed."""
        self._head: int | None = None
        """The counter, as read at `_looked_at`; None if it could not be read."""
        self._looked_at = 0
        self._counter = readable(buffer.counter)
        self._slots = [readable(buffer.slot.replace("{slot}", str(n))) for n in range(buffer.slots)]
        self._woken = asyncio.Event()
        self._waiting: tuple[int, float] | None = None
        """The record announced but not in its slot, and since when."""
        handoff.expect(buffer.name)

    def wake(self) -> None:
        """Say that the counter has changed."""
        self._woken.set()

    async def run(self) -> None:
        """Read forward whenever the counter moves, until the link is down."""
        while True:
            self._woken.clear()
            await self._look()
            pause = _POLL_SECONDS
            while self._head is not None and self._head != self._last:
                head, looked_at = self._head, self._looked_at
                if (obstacle := await self._advance(head)) is not None:
                    pause = obstacle
                    break
                if self._last == head:  # the PLC may be ahead again, and always so
                    self._handoff.heard(self._buffer.name, looked_at)
            if self._head is not None and self._head == self._last:
                self._handoff.link.mended(self._buffer.name)
                self._handoff.heard(self._buffer.name, self._looked_at)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _look(self) -> None:
        """Read the counter."""
        self._looked_at = self._clock()
        self._head = None
        (value,) = await self._connection.read([self._counter])
        status = value.StatusCode or ua.StatusCode()
        count = value.Value.Value if value.Value is not None else None
        if not status.is_good():
            self._fault(self._buffer.counter, f"cannot be read: {describe(status.value)}")
        elif type(count) is not int or not 0 <= count <= _LARGEST_COUNT:
            self._fault(self._buffer.counter, f"holds {count!r}, not the number of a record")
        else:
            self._head = count

    async def _advance(self, head: int) -> float | None:
        """Read and commit the next stretch; return a pause in seconds if it is not all there."""
        slots = self._buffer.slots
        start = ring.position(self._last, head, slots)
        expected = range(start.after + 1, min(head, start.after + NODES_PER_REQUEST) + 1)
        values = await self._connection.read([self._slots[n % slots] for n in expected])
        received_at = self._clock()
        await self._look()
        if self._head is None:
            return _POLL_SECONDS
        contents = self._contents(expected, values)
        found = ring.judge(expected, contents, self._head, slots, self._given_up())
        signals = [
            _signal(self._buffer.name, contents[at], values[at], received_at)
            for at in (number - expected.start for number in found.records)
        ]
        gaps = self._losses(start, found, received_at)
        if found.last != self._last or gaps:
            bookmarks = {self._bookmark: str(found.last).encode()}
            await self._handoff.commit(Batch(signals, bookmarks, gaps))
            self._last = found.last
        if found.is_waiting:
            if self._waiting is None or self._waiting[0] != found.last + 1:
                self._waiting = (found.last + 1, asyncio.get_running_loop().time())
            return _REREAD_SECONDS
        return None if len(contents) == len(values) else _POLL_SECONDS

    def _contents(self, expected: range, values: list[ua.DataValue]) -> list[bytes | None]:
        """Return what the slots hold, up to the first that the PLC does not let us read."""
        contents: list[bytes | None] = []
        for number, value in zip(expected, values, strict=True):
            if value.StatusCode is not None and value.StatusCode.is_bad():
                node = self._buffer.slot.replace("{slot}", str(number % self._buffer.slots))
                self._fault(node, f"cannot be read: {describe(value.StatusCode.value)}")
                break
            content = value.Value.Value if value.Value is not None else None
            contents.append(payload_of(content) or None if content is not None else None)
        return contents

    def _given_up(self) -> int | None:
        """Return the record that has been waited for long enough."""
        if self._waiting is None:
            return None
        number, since = self._waiting
        is_over = asyncio.get_running_loop().time() - since >= _PATIENCE_SECONDS
        return number if is_over else None

    def _losses(self, start: ring.Position, found: ring.Found, noticed_at: int) -> list[Gap]:
        """Return what is lost for good, in words."""
        name, slots = self._buffer.name, self._buffer.slots
        gaps: list[Gap] = []
        if start.went_back:
            reason = (
                f"the counter went back from {self._last} to {self._head}: the PLC lost its memory"
                " or was loaded anew, and what it wrote before that is not known"
            )
            gaps.append(Gap(name, noticed_at, reason))
        for lost in ring.joined([start.missed, *found.overtaken]):
            reason = (
                f"records {lost[0]} to {lost[-1]} were overwritten before they were read:"
                f" {slots} slots are too few for so long a pause"
            )
            gaps.append(Gap(name, noticed_at, reason, missed=len(lost)))
        if found.skipped is not None:
            reason = (
                f"record {found.skipped} was announced by the counter and is not in slot"
                f" {found.skipped % slots}: the PLC must write record n to slot n modulo {slots},"
                " and the counter after it"
            )
            gaps.append(Gap(name, noticed_at, reason, missed=1))
        return gaps

    def _fault(self, node: str, what: str) -> None:
        text = f"node {node} {what}; nothing is read from this record buffer until it is right"
        self._handoff.link.fault(self._buffer.name, text)


def _signal(name: str, content: bytes | None, value: ua.DataValue, received_at: int) -> Signal:
    assert content is not None
    good = value.StatusCode is None or value.StatusCode.is_good()
    return Signal(name, content, received_at, milliseconds(value.SourceTimestamp), good)
