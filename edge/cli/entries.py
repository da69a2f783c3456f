"""Listing entries, and deciding about them."""

import sys
from array import array
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import typer

from buffer.decisions import TAKES, Act
from buffer.outbox import State
from buffer.reader import EntryRow
from buffer.selection import Selection
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.selecting import Criteria
from edge.cli.tables import in_zone, print_table
from edge.config import Configuration
from edge.control.messages import PIECE, ByNumber, ChooseEntries, Decide
from edge.control.operations import CHOOSE, DECIDE, OVERTAKEN
from edge.exits import Exit
from edge.milestones.model import KEY_FIELDS
from edge.wording import counted, date_and_time

T = TypeVar("T")

SECONDS = len("2026-11-22 14:03:12")
"""In a table a time is told to the second."""

_DONE: dict[Act, str] = {
    "retry": "will be sent again",
    "replay": "will be sent again",
    "discard": "discarded",
}
_CONCERNS: dict[Act, str] = {
    "retry": "only a dead letter is retried",
    "replay": "only what was delivered or discarded is replayed",
    "discard": "only a dead letter, or what is pending, is discarded",
}

_KEY_IS_AN_OPTION = "; an order, unit or trailer is named with --key"
"""Said where no entry has the number: a unit's 18 digits are a number, too."""


def show(configuration: Configuration, criteria: Criteria) -> int:
    """Print a table of entries, and what their outcome was."""
    states = criteria.states or frozenset[State](() if criteria.is_narrow else ("pending",))
    limit = criteria.limit or sys.maxsize

    async def command(gateway: Gateway) -> int:
        rows = [row async for row in chosen(gateway, selection(criteria, states), limit + 1)]
        dead = await _held_back(gateway, rows)
        if not rows:
            typer.echo(_none_found(configuration, criteria, states))
            return 0
        print_entries(rows[:limit], dead, is_mixed=len(states) != 1)
        if len(rows) > limit:
            typer.echo(f"more than {limit}; --limit shows more", err=True)
        if any(row.state == "dead" for row in rows) and sys.stdout.isatty():
            typer.echo("next: `milepost outbox retry ENTRY`, or `discard ENTRY --reason WHY`")
        return 0

    return with_gateway(configuration, command)


def act(
    configuration: Configuration,
    act: Act,
    criteria: Criteria,
    reason: str | None,
    *,
    dry_run: bool,
) -> int:
    """Retry, replay or discard the entries that are meant; say how many, and which not."""
    states = criteria.states or _meant_by(act, criteria)
    if not states <= TAKES[act]:
        typer.echo(f"{', '.join(sorted(states - TAKES[act]))}: {_CONCERNS[act]}", err=True)
        return Exit.CONFIGURATION
    # Of entries that were named, each is told why not.
    none_found = "" if criteria.entries else f": {_none_found(configuration, criteria, states)}"

    async def command(gateway: Gateway) -> int:
        meant = await _look(gateway, act, criteria, states, is_shown=dry_run)
        if dry_run:
            _tell_others(act, meant.others)
            would = f"{act} would touch {_counted(len(meant.numbers))}"
            typer.echo(would if meant.numbers else would + none_found, err=True)
            return 0 if meant.numbers else NOTHING_DONE
        done = 0
        try:
            for piece in pieces(sorted(meant.numbers), PIECE):
                answer = await gateway.decide(
                    DECIDE, Decide(act=act, numbers=tuple(piece), reason=reason)
                )
                done += len(answer.entries)
                meant.others += answer.others
                progress(done, len(meant.numbers))
        finally:
            # Also if the rest could not be done: these pieces were.
            _tell_others(act, meant.others)
            if meant.numbers:
                _tell_done(act, meant.numbers, done)
            else:
                typer.echo(f"nothing to do{none_found}")
        return NOTHING_DONE if meant.others or not done else 0

    return with_gateway(configuration, command)


def _meant_by(act: Act, criteria: Criteria) -> frozenset[State]:
    """Return the states that are meant if none is said."""
    if act == "replay" and not criteria.entries:
        return frozenset({"delivered"})  # what was discarded, somebody did not want delivered
    return TAKES[act]


@dataclass(slots=True)
class _Meant:
    """What an act concerns."""

    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    others: list[tuple[int, str | None]] = field(default_factory=list)
    """Entries that were named, but are in another state; None: there is no such entry."""


async def _look(
    gateway: Gateway, act: Act, criteria: Criteria, states: frozenset[State], *, is_shown: bool
) -> _Meant:
    """Find what an act concerns, and say what the operator should know before."""
    meant = _Meant()
    latest = dict[tuple[str, str], int]()
    # Whoever names an entry is told if it is in another state.
    found = chosen(
        gateway, selection(criteria, frozenset() if criteria.entries else states), criteria.limit
    )
    async for rows in _in_chunks(found, 1000):
        fit = [row for row in rows if row.state in states]
        meant.numbers.extend(row.seq for row in fit)
        meant.others += [(row.seq, row.state) for row in rows if row.state not in states]
        for row in fit:
            owed = (row.destination, row.key)
            latest[owed] = max(row.seq, latest.get(owed, 0))
        if is_shown and fit:
            is_first = len(meant.numbers) == len(fit)
            print_entries(fit, frozenset(), is_mixed=True, has_header=is_first)
    if criteria.entries and criteria.limit is None:
        known = {*meant.numbers, *(number for number, _ in meant.others)}
        meant.others += [(number, None) for number in sorted({*criteria.entries} - known)]
    if act == "replay":
        await _warn_of_overtaken(gateway, latest.values())
    return meant


def selection(criteria: Criteria, states: frozenset[State]) -> Selection:
    """Return the criteria as the store understands them."""
    is_name = criteria.milestone is not None and len(criteria.milestone) < len("0" * 32)
    key = criteria.key
    keys = () if key is None else (key,) if ":" in key else tuple(f"{k}:{key}" for k in KEY_FIELDS)
    return Selection(
        numbers=tuple(criteria.entries or ()),
        keys=keys,
        milestone=None if is_name else criteria.milestone,
        name=criteria.milestone if is_name else None,
        destination=criteria.destination,
        states=states,
        since=criteria.since,
        until=criteria.until,
    )


async def chosen(
    gateway: Gateway, selection: Selection, limit: int | None
) -> AsyncIterator[EntryRow]:
    """Return the entries of a selection, at most so many."""
    left = sys.maxsize if limit is None else limit
    after: str | None = ""
    while after is not None and left:
        page = await gateway.ask(CHOOSE, ChooseEntries(selection=selection, after=after))
        after = page.after
        for row in page.entries[:left]:
            yield row
        left -= len(page.entries[:left])


def print_entries(
    rows: Sequence[EntryRow],
    dead: frozenset[tuple[str, str]],
    *,
    is_mixed: bool,
    has_header: bool = True,
) -> None:
    """Print entries, with their states if those are mixed.

    `dead` are the (destination, key) that a dead letter holds back.
    """
    happened = in_zone("happened", (row.occurred_at for row in rows))
    columns = ["entry", "destination", "milestone", "key", happened, "attempts", "outcome"]
    if is_mixed:
        columns.insert(2, "state")
    cells = []
    for row in rows:
        outcome = row.outcome or "not sent yet"
        if row.state == "pending" and (row.destination, row.key) in dead:
            outcome = f"behind a dead letter: {outcome}"
        at = date_and_time(row.occurred_at)[:SECONDS]
        line = [row.name, row.key, at, str(row.attempts), outcome]
        cells.append([str(row.seq), row.destination, *([row.state] if is_mixed else []), *line])
    print_table(columns, cells, has_header=has_header)


def pieces(many: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Return many in pieces, the last one smaller."""
    rest = iter(many)
    while piece := tuple(islice(rest, size)):
        yield piece


async def _in_chunks(rows: AsyncIterator[EntryRow], size: int) -> AsyncIterator[list[EntryRow]]:
    chunk: list[EntryRow] = []
    async for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    yield chunk


async def _held_back(gateway: Gateway, rows: Sequence[EntryRow]) -> frozenset[tuple[str, str]]:
    """Return the (destination, key) that a dead letter holds back, if that concerns any row."""
    if not any(row.state == "pending" for row in rows):
        return frozenset()
    letters = chosen(gateway, Selection(states=frozenset({"dead"})), None)
    return frozenset([(row.destination, row.key) async for row in letters])


async def _warn_of_overtaken(gateway: Gateway, latest: Iterable[int]) -> None:
    """Say it if the newest of a key that is replayed is not the newest that was delivered."""
    overtaken = 0
    for piece in pieces(tuple(latest), PIECE):
        overtaken += len((await gateway.ask(OVERTAKEN, ByNumber(numbers=tuple(piece)))).numbers)
    if overtaken:
        typer.echo(
            f"{counted(overtaken, 'key')} had newer milestones delivered: what is replayed "
            "arrives again behind them",
            err=True,
        )


def _none_found(configuration: Configuration, criteria: Criteria, states: Iterable[str]) -> str:
    text = f"no {' or '.join(sorted(states)) or 'such'} entries"
    if criteria.entries:
        text += _KEY_IS_AN_OPTION
    if criteria.destination in (None, *configuration.destinations):
        return text
    return f"{text}; no destination {criteria.destination!r}"


def _tell_others(act: Act, others: Iterable[tuple[int, str | None]]) -> None:
    for number, state in others:
        what = f"there is no such entry{_KEY_IS_AN_OPTION}"
        if state is not None:
            what = f"is {state}; {_CONCERNS[act]}"
        typer.echo(f"entry {number}: {what}", err=True)


def _tell_done(act: Act, numbers: Sequence[int], done: int) -> None:
    if done == 1 == len(numbers):
        typer.echo(f"entry {numbers[0]}: {_DONE[act]}")
    elif done:
        typer.echo(f"{_counted(done)}: {_DONE[act]}")


def _counted(entries: int) -> str:
    return "1 entry" if entries == 1 else f"{entries} entries"


def progress(done: int, of: int) -> None:
    """Say on a terminal how far a long act has come."""
    if sys.stderr.isatty() and of > PIECE:
        typer.echo(f"\r{done} of {of}", err=True, nl=done == of)
