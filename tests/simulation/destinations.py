"""Destinations that fail in the ways that systems fail, and the sink that reaches them.

A destination goes on with what it was sent when nobody waits for its answer
any more. It checks what every entry says against what it has seen.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from drivers.contract import Accepted, Divide, Entry, Rejected, Retry, Unknown, Verdict
from tests.simulation.loop import LIFE, Life, VirtualLoop
from tests.simulation.trace import Trace

Answer = Sequence[Verdict] | Divide
Found = Accepted | Retry | Unknown | None

TIMEOUT_SECONDS = 3.0


class Ways(Enum):
    """What a destination can do to a request."""

    LOSE_REPLY = "booked, but the reply is lost"
    LIE = "booked, but the answer says 500"
    LOCK = "not now"
    OVERLOAD = "429"
    OUTAGE = "503"
    SLOW = "answers late, perhaps too late"
    DIVIDE = "too large"
    DRIVER = "the driver has a fault"


class Outcome(Enum):
    """What the gateway knows of the last time it sent an entry."""

    NONE = "nothing was sent, or it certainly had no effect"
    UNANSWERED = "no answer came"
    ACCEPTED = "it was accepted"


@dataclass
class Known:
    """What a destination knows of one entry."""

    body: bytes
    key: str
    outcome: Outcome = Outcome.NONE
    life: Life | None = None
    """Who was told the outcome."""
    sent: int = 0


@dataclass
class Moods:
    """How a destination behaves at the moment."""

    ways: dict[Ways, float] = field(default_factory=dict)
    """The share of requests that meet each."""
    is_down: bool = False
    is_silent: bool = False
    """Down without refusing: nothing is ever answered."""
    poison: float = 0.0
    """The share of keys that are refused for good."""


class Destination:
    """A system that books milestones."""

    def __init__(
        self, name: str, loop: VirtualLoop, draw: random.Random, trace: Trace, *, can_be_asked: bool
    ) -> None:
        self.name = name
        self.can_be_asked = can_be_asked
        self.moods = Moods()
        self.known: dict[str, Known] = {}
        self.booked: dict[str, Entry] = {}
        """What took effect, in order."""
        self.given_up: set[str] = set()
        """Ids of entries that an operator discarded."""
        self.violations: list[str] = []
        self.under_way: set[str] = set()
        """Keys of what the living process waits for."""
        self._poisoned: dict[str, bool] = {}
        self._loop = loop
        self._draw = draw
        self._trace = trace

    def is_poison(self, entry_id: str) -> bool:
        """Tell whether an entry is refused for good; decided once for each."""
        if entry_id not in self._poisoned:
            self._poisoned[entry_id] = self._draw.random() < self.moods.poison
        return self._poisoned[entry_id]

    def mend(self) -> None:
        """Refuse nothing for good any more that has not been refused yet, and half of what was."""
        self.moods = Moods()
        for entry_id, poisoned in self._poisoned.items():
            self._poisoned[entry_id] = poisoned and self._draw.random() < 0.5

    def wanted_again(self, entry_id: str) -> None:
        """Say that an operator wants an entry sent again that was accepted."""
        if entry_id in self.known:
            self.known[entry_id].outcome = Outcome.NONE

    def receive(self, entries: Sequence[Entry], answer: "asyncio.Future[Answer]") -> None:
        """Take a request; `answer` is set when, and if, the reply reaches the gateway."""
        self._trace("sent", self.name, [(each.id[-8:], each.attempt) for each in entries])
        for entry in entries:
            self._check(entry)
        if self.moods.is_silent:
            return
        if self.moods.is_down:
            refused: Answer = [Retry("connection refused", outage=True) for _ in entries]
            self._loop.outside(0.001, self._reply, answer, refused)
            return
        slow = self._meets(Ways.SLOW)
        until_booked = self._draw.uniform(0, 2 * TIMEOUT_SECONDS if slow else 0.02)
        self._loop.outside(until_booked, self._process, entries, answer)

    def look_up(self, entry: Entry, answer: "asyncio.Future[Found]") -> None:
        """Answer whether an entry has been booked."""
        found = entry.id in self.booked
        self._trace("asked", self.name, entry.id[-8:], found)
        known = self.known.get(entry.id)
        if not (self.moods.is_silent or self.moods.is_down) and self._meets(Ways.OUTAGE):
            wait = self._draw.choice([None, self._draw.uniform(0, 5)])
            self._loop.outside(0.01, _set, answer, Retry("503", wait, outage=True))
            return
        if known is not None:
            known.outcome = Outcome.NONE
        if self.moods.is_silent:
            return
        if self.moods.is_down:
            self._loop.outside(0.001, _set, answer, Unknown("connection refused"))
            return
        reply = Accepted("found") if found else None
        if found and known is not None:
            known.outcome, known.life = Outcome.ACCEPTED, LIFE.get()
        set_ = partial(_set, answer, reply)
        self._loop.outside(self._draw.uniform(0, 0.02), set_)

    def _check(self, entry: Entry) -> None:
        life = LIFE.get()
        known = self.known.setdefault(entry.id, Known(entry.body, entry.key))
        if known.body != entry.body or known.key != entry.key:
            self._violated(f"{entry.id} was sent again with other bytes")
        if entry.key in self.under_way:
            self._violated(f"two entries of {entry.key} were under way at once")
        if known.outcome is Outcome.ACCEPTED and known.life is life:
            self._violated(f"{entry.id} was sent again although the answer had come")
        if self.can_be_asked and known.outcome is not Outcome.NONE:
            self._violated(f"{entry.id} was sent again without asking what became of it")
        known.sent += 1
        known.outcome, known.life = Outcome.UNANSWERED, life
        self.under_way.add(entry.key)

    def _process(self, entries: Sequence[Entry], answer: "asyncio.Future[Answer]") -> None:
        if len(entries) > 1:
            if self._meets(Ways.DIVIDE):
                self._reply(answer, Divide("413", too_large=True))
                return
            if any(self.is_poison(each.id) for each in entries) and self._draw.random() < 0.5:
                self._reply(answer, Divide("422", too_large=False))
                return
        after = self._draw.choice([None, self._draw.uniform(0, 5)])
        if self._meets(Ways.OUTAGE):
            away = Retry("503", after, outage=True)
            self._reply(answer, [away for _ in entries])
        elif self._meets(Ways.OVERLOAD):
            busy = Retry("429", after, overloaded=True)
            self._reply(answer, [busy for _ in entries])
        else:
            verdicts = [self._judge(each) for each in entries]
            self._trace("judged", self.name, [type(each).__name__ for each in verdicts])
            if not self._meets(Ways.LOSE_REPLY):
                until_heard = self._draw.uniform(0, 0.02)
                self._loop.outside(until_heard, self._reply, answer, verdicts)

    def _judge(self, entry: Entry) -> Verdict:
        if self.is_poison(entry.id):
            return Rejected("the order is unknown here")
        if self._meets(Ways.LOCK):
            return Retry("locked")
        if entry.id not in self.booked:
            self.booked[entry.id] = entry
        if self._meets(Ways.LIE):
            return Unknown("500")
        return Accepted(f"document {len(self.booked)}")

    def _reply(self, answer: "asyncio.Future[Answer]", result: Answer) -> None:
        if not answer.done():
            answer.set_result(result)

    def settle(self, entries: Sequence[Entry], result: Answer) -> None:
        """Note what the gateway was told."""
        verdicts = [None for _ in entries] if isinstance(result, Divide) else result
        for entry, verdict in zip(entries, verdicts, strict=True):
            known = self.known[entry.id]
            self.under_way.discard(entry.key)
            match verdict:
                case Accepted():
                    known.outcome, known.life = Outcome.ACCEPTED, LIFE.get()
                case Unknown():
                    known.outcome = Outcome.UNANSWERED
                case _:
                    known.outcome = Outcome.NONE

    def _meets(self, way: Ways) -> bool:
        share = self.moods.ways.get(way, 0.0)
        return share > 0 and self._draw.random() < share

    def meets_a_fault_of_the_driver(self) -> bool:
        """Tell whether the driver breaks on this request."""
        return self._meets(Ways.DRIVER)

    def _violated(self, what: str) -> None:
        self.violations.append(f"{self.name}: {what}")
        self._trace("VIOLATION", self.name, what)


class SimulatedSink:
    """The driver of one destination."""

    def __init__(self, destination: Destination, batch_limit: int) -> None:
        self._destination = destination
        self._batch_limit = batch_limit

    @property
    def batch_limit(self) -> int:
        """The most entries that one delivery may hold."""
        return self._batch_limit

    async def deliver(self, entries: Sequence[Entry]) -> Answer:
        """Send the entries once."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._destination.receive(entries, answer)
        result: Answer = [Unknown("no answer in time")] * len(entries)
        try:
            if self._destination.meets_a_fault_of_the_driver():
                raise RuntimeError("a fault of the driver")
            async with asyncio.timeout(TIMEOUT_SECONDS):
                result = await answer
        except TimeoutError:
            pass
        finally:
            self._destination.settle(entries, result)
        return result

    async def look_up(self, entry: Entry) -> Found:
        """Ask whether an entry has arrived."""
        if not self._destination.can_be_asked:
            return None
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._destination.look_up(entry, answer)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await answer
        except TimeoutError:
            return Unknown("no answer in time")

    async def close(self) -> None:
        """Nothing is open."""


def _set(answer: "asyncio.Future[Found]", reply: Found) -> None:
    if not answer.done():
        answer.set_result(reply)
