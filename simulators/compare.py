"""Compares what truly happened with what a business system has in its book.

The judge of the demonstration: every difference ends in one of four counters
(lost, duplicated, invented, out of order), by milestone, with the facts named.
A fact counts as delivered only if all of its content is right; with wrong
content it is lost, and what stands in the book instead is invented.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Protocol

from simulators import epcis
from simulators.scenario import Fact

UNREADABLE = "unreadable"
"""The row of bookings that state no fact at all."""


class Booking(Protocol):
    """A line of the book."""

    @property
    def number(self) -> int:
        """Its place in the order in which the book was written."""
        ...

    @property
    def body(self) -> dict[str, Any]:
        """The EPCIS event."""
        ...


@dataclass(slots=True)
class Row:
    """The count of one milestone, or of all."""

    expected: int = 0
    delivered: int = 0
    lost: int = 0
    duplicated: int = 0
    invented: int = 0
    out_of_order: int = 0


@dataclass(frozen=True, slots=True)
class Invented:
    """A booking that says what did not happen, or not so."""

    number: int
    name: str
    fact: Fact | None
    reason: str


@dataclass(slots=True)
class Comparison:
    """The differences between the truth and the book."""

    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    """By milestone, in the order in which they first occur."""
    lost: list[Fact] = field(default_factory=list)
    duplicated: list[Fact] = field(default_factory=list)
    """Once for each booking too many."""
    invented: list[Invented] = field(default_factory=list)
    out_of_order: list[tuple[Fact, Fact]] = field(default_factory=list)
    """What was booked too late, and what of the same key was booked before it."""

    @property
    def total(self) -> Row:
        """The sum of all rows."""
        return Row(*map(sum, zip(*map(astuple, self.rows.values()), strict=True)))

    @property
    def is_faultless(self) -> bool:
        """Whether every fact was delivered once, in order, and nothing else was."""
        total = self.total
        return total.delivered == total.expected and not (
            self.lost or self.duplicated or self.invented or self.out_of_order
        )


def compare(truth: Sequence[Fact], bookings: Iterable[Booking]) -> Comparison:
    """Compare the facts, in the order in which they occurred, with a book.

    A booking with an errorDeclaration cancels the latest earlier one with the
    same eventID. What is left is what the business believes.
    """
    result = Comparison()
    for fact in truth:
        result.rows[fact.name].expected += 1
    booked = _book_in_order(result, _standing(result, bookings))
    _find_inventions(result, truth, booked)
    _count_deliveries(result, truth, booked)
    _find_inversions(result, truth, booked)
    return result


Standing = list[tuple[Booking, Fact]]


def _standing(result: Comparison, bookings: Iterable[Booking]) -> list[Booking]:
    """Return the bookings that no later one has retracted, in book order."""
    standing: list[Booking] = []
    for booking in sorted(bookings, key=lambda b: b.number):
        if not epcis.is_retraction(booking.body):
            standing.append(booking)
            continue
        event_id = booking.body.get("eventID")
        for earlier in reversed(standing):
            if event_id is not None and earlier.body.get("eventID") == event_id:
                standing.remove(earlier)
                break
        else:
            _invent(result, booking, None, f"retracts {event_id}, which is not booked")
    return standing


def _book_in_order(result: Comparison, bookings: Iterable[Booking]) -> Standing:
    booked: Standing = []
    for booking in bookings:
        try:
            booked.append((booking, epcis.read(booking.body)))
        except epcis.Unreadable as error:
            _invent(result, booking, None, str(error))
    return booked


def _find_inventions(result: Comparison, truth: Sequence[Fact], booked: Standing) -> None:
    true = set(truth)
    seen: set[Fact] = set()
    for booking, fact in booked:
        if fact in seen:
            result.duplicated.append(fact)
            result.rows[fact.name].duplicated += 1
        elif fact not in true:
            _invent(result, booking, fact, "did not happen, or not so")
        seen.add(fact)


def _count_deliveries(result: Comparison, truth: Sequence[Fact], booked: Standing) -> None:
    present = {fact for _, fact in booked}
    for fact, times in Counter(truth).items():
        if times > 1:
            raise ValueError(f"the truth has {fact} {times} times; no book could be right")
        if fact in present:
            result.rows[fact.name].delivered += 1
        else:
            result.rows[fact.name].lost += 1
            result.lost.append(fact)


def _find_inversions(result: Comparison, truth: Sequence[Fact], booked: Standing) -> None:
    """Count each fact once for every later fact of its key that was booked before it."""
    place = {fact: index for index, fact in enumerate(truth)}
    before: dict[str, list[Fact]] = defaultdict(list)
    for fact in dict.fromkeys(fact for _, fact in booked if fact in place):
        for earlier in before[fact.key]:
            if place[earlier] > place[fact]:
                result.rows[fact.name].out_of_order += 1
                result.out_of_order.append((fact, earlier))
        before[fact.key].append(fact)


def _invent(result: Comparison, booking: Booking, fact: Fact | None, reason: str) -> None:
    name = fact.name if fact else epcis.name_of(booking.body) or UNREADABLE
    result.invented.append(Invented(booking.number, name, fact, reason))
    result.rows[name].invented += 1
