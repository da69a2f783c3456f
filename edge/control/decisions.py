"""What operators can decide, whether the gateway runs or not.

Each decision is one transaction of upkeep: what it changes, and who did it (`buffer.audit`).
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Literal, Protocol

from buffer import audit, decisions, journal, quarantine
from buffer.lane import Lane
from buffer.maintenance.recovery import NotRecovered, recover
from buffer.store import Store
from drivers.contract import Clock
from edge.config.rule_set import Change, NotTaken
from edge.control.lines import Line
from edge.control.messages import (
    ByNumber,
    CutOver,
    CutOverDone,
    Decide,
    Decided,
    DiscardSignals,
    JudgedAgain,
    Numbers,
    RecoverStore,
    Reload,
    Reloaded,
    StoreRecovered,
    TakeIn,
    TakenIn,
)
from edge.milestones.model import Name
from edge.wording import counted


class Impossible(Exception):
    """What was asked for cannot be done; the message says why."""


class Judging(Protocol):
    """Who judges a signal again (see `edge.ingest.Judge`)."""

    def again(
        self, connection: sqlite3.Connection, row: journal.SignalRow
    ) -> tuple[int, list[str]]:
        """Return how many milestones are new, and what is wrong with the signal."""
        ...


class Reloading(Protocol):
    """Who reads the configuration again (see `edge.ingest.RulesInForce`)."""

    async def reload(self, who: str) -> tuple[str, Change]:
        """Return the version of the rules in force, and what is other."""
        ...

    async def cut_over(self, how: Literal["cutover", "rollback"], who: str) -> tuple[str, int]:
        """Return the version of the rules in force, and how many milestones are new."""
        ...


class Decisions:
    """Writes what operators decide. Raises StoreFailed if the store fails."""

    def __init__(
        self,
        store: Store,
        judge: Judging,
        lanes: Mapping[str, Mapping[Name, Lane]],
        clock: Clock,
        *,
        on_changed: Callable[[Iterable[str]], None],
        on_added: Callable[[], None],
        rules: Reloading | None = None,
    ) -> None:
        """`lanes` tells for each destination what it is owed; `rules` are those at work, if any.

        `on_changed` is called with destinations whose entries were changed,
        `on_added` after entries were added.
        """
        self._store = store
        self._judge = judge
        self._rules = rules
        self._lanes = lanes
        self._clock = clock
        self._on_changed = on_changed
        self._on_added = on_added

    async def decide(self, asked: Decide, who: str) -> Decided:
        """Retry, replay or discard entries."""
        now = self._clock()
        if asked.act == "discard" and asked.reason is None:
            raise Impossible("a reason is needed to discard")

        def work(connection: sqlite3.Connection) -> decisions.Decided:
            match asked.act:
                case "retry":
                    done = decisions.retry(connection, asked.numbers)
                case "replay":
                    done = decisions.replay(connection, asked.numbers)
                case "discard":
                    done = decisions.discard(connection, asked.numbers, asked.reason or "", now)
            if done.entries:
                told = _told("entries", done.entries, asked.reason)
                audit.append(connection, now, who, f"outbox.{asked.act}", told)
            return done

        done = await self._store.write(work, weight=len(asked.numbers))
        self._on_changed(done.destinations)
        return Decided(entries=done.entries, others=done.others)

    async def take_in(self, asked: TakeIn, who: str) -> TakenIn:
        """Owe milestones of another gateway; nothing is written if any of them cannot be owed."""
        faults = tuple(
            (index, fault)
            for index, line in enumerate(asked.lines)
            if (fault := self._fault(line)) is not None
        )
        if faults:
            return TakenIn(owed=0, known=0, faults=faults)
        now = self._clock()

        def work(connection: sqlite3.Connection) -> list[Line]:
            if asked.only_look:
                return [line for line in asked.lines if not _is_owed(connection, line)]
            owed = [line for line in asked.lines if self._owe(connection, line)]
            if owed:
                told = {"milestones": [f"{x.milestone.id} to {x.destination}" for x in owed]}
                audit.append(connection, now, who, "outbox.import", {"count": len(owed), **told})
            return owed

        owed = await self._store.write(work, weight=3 * len(asked.lines))
        if not asked.only_look:
            self._on_added()
        return TakenIn(owed=len(owed), known=len(asked.lines) - len(owed), faults=())

    def _fault(self, line: Line) -> str | None:
        lanes = self._lanes.get(line.destination)
        if lanes is None:
            return f"no destination {line.destination!r} is configured"
        if line.milestone.name not in lanes:
            return f"destination {line.destination!r} takes no '{line.milestone.name}'"
        return None

    def _owe(self, connection: sqlite3.Connection, line: Line) -> bool:
        told = line.milestone
        lane = self._lanes[line.destination][told.name]
        return decisions.owe(connection, told.row(), {told.key, *told.keys}, line.destination, lane)

    async def judge_again(self, asked: ByNumber, who: str) -> JudgedAgain:
        """Decode and judge signals in quarantine by the configuration in force."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> JudgedAgain:
            done = self._judge_again(connection, sorted(set(asked.numbers)), now)
            if done.judged:
                told = _told("signals", done.judged, None)
                told["milestones"] = done.milestones
                audit.append(connection, now, who, "quarantine.retry", told)
            return done

        done = await self._store.write(work, weight=4 * len(asked.numbers))
        if done.milestones:
            self._on_added()
        return done

    def _judge_again(
        self, connection: sqlite3.Connection, numbers: Sequence[int], now: int
    ) -> JudgedAgain:
        found = {number: quarantine.open_signal(connection, number) for number in numbers}
        signals = {signal.seq: signal for signal in found.values() if signal is not None}
        wrong: dict[int, list[str]] = {}
        milestones = 0
        for seq, signal in signals.items():
            added, wrong[seq] = self._judge.again(connection, signal)
            milestones += added
            if wrong[seq]:
                quarantine.refused_again(connection, seq, wrong[seq])
            else:
                decision = f"judged again: {counted(added, 'milestone')}"
                quarantine.judged(connection, seq, decision, now)
        open_signals = [(n, signal.seq) for n, signal in found.items() if signal is not None]
        return JudgedAgain(
            judged=tuple(n for n, seq in open_signals if not wrong[seq]),
            milestones=milestones,
            refused=tuple((n, "; ".join(wrong[seq])) for n, seq in open_signals if wrong[seq]),
            others=tuple(n for n, signal in found.items() if signal is None),
        )

    async def discard_signals(self, asked: DiscardSignals, who: str) -> Numbers:
        """Give up signals in quarantine; return those that were open."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> tuple[int, ...]:
            done = quarantine.discard(connection, asked.numbers, asked.reason, now)
            if done:
                told = _told("signals", done, asked.reason)
                audit.append(connection, now, who, "quarantine.discard", told)
            return done

        return Numbers(numbers=await self._store.write(work, weight=len(asked.numbers)))

    async def reload(self, asked: Reload, who: str) -> Reloaded:  # noqa: ARG002 - it says all
        """Take over the rules that stand in the configuration file."""
        try:
            version, change = await self._running().reload(who)
        except NotTaken as error:
            raise Impossible(str(error)) from error
        return Reloaded(version=version, **asdict(change))

    async def cut_over(self, asked: CutOver, who: str) -> CutOverDone:
        """Take over the rules of the configuration file with what was prepared for them."""
        try:
            version, added = await self._running().cut_over(asked.how, who)
        except NotTaken as error:
            raise Impossible(str(error)) from error
        if added:
            self._on_added()
        return CutOverDone(version=version, milestones=added)

    def _running(self) -> Reloading:
        if self._rules is None:
            raise Impossible("nothing is running; the next start reads the configuration")
        return self._rules

    async def recover(self, asked: RecoverStore, who: str) -> StoreRecovered:
        """Bring over what can be read of a store that was set aside."""
        lanes = {
            destination: {str(name): lane for name, lane in owed.items()}
            for destination, owed in self._lanes.items()
        }
        try:
            recovered = await recover(
                self._store,
                asked.directory,
                lanes=lanes,
                who=who,
                clock=self._clock,
                on_entries=lambda: self._on_changed(self._lanes),
            )
        except NotRecovered as error:
            raise Impossible(str(error)) from error
        return StoreRecovered(recovered=recovered)


def _is_owed(connection: sqlite3.Connection, line: Line) -> bool:
    return decisions.is_owed(connection, bytes.fromhex(line.milestone.id), line.destination)


def _told(what: str, numbers: Sequence[int], reason: str | None) -> dict[str, object]:
    """Return what the audit log keeps of an act on many."""
    told: dict[str, object] = {"count": len(numbers), what: _ranges(numbers)}
    return told if reason is None else {**told, "reason": reason}


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as e.g. "3, 7-12"."""
    ends: list[tuple[int, int]] = []
    for number in numbers:
        if ends and number == ends[-1][1] + 1:
            ends[-1] = (ends[-1][0], number)
        else:
            ends.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)
