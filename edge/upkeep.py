"""Keeping the store small: what is old is forgotten, and the space goes back.

All of it is done in small steps between the commits of others, so slowly that they hardly notice,
and fast enough for what a site says.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from buffer.maintenance import pruning, vacuum
from buffer.store import Store
from buffer.writing.waiting import NEEDS_NO_ROOM
from drivers.contract import Clock

log = structlog.get_logger(__name__)

DAY_MILLISECONDS = 86_400_000
STEP_ROWS = 200
"""Rows of one step; what shares its transaction waits for it, about a millisecond."""
ROWS_PER_SECOND = 10_000
"""How fast rows are forgotten at most: twice what a busy site says in a second."""
LOOK_SECONDS = 2.0
"""How often it is looked for something to do, while there is nothing."""
SWEEP_SECONDS = 3600.0
"""How often a sweep begins at the oldest again: what was spared may have been delivered."""

PRESSED_ABOVE = 0.70
"""Share of the budget above which signals go whatever their age. Intake is slowed from 0.80."""
PRESSED_UNTIL = 0.65
LEAST_SECONDS = 60.0
"""Signals are kept so long even then: rules may still be waiting for what belongs to them.
By a clock that never jumps: a start does not know how old the newest are."""
MARK_SECONDS = 2.0
"""How often the newest signal is marked, to know later that it is old enough."""
PRESSED_SWEEP_SECONDS = 30.0
"""And then a sweep through the signals that has ended is begun again after this: what has been
delivered since explains nothing that is owed, and sources may be waiting for its room."""

FREE_BYTES = 64 * 1024 * 1024
FREE_SHARE = 0.25
"""Free pages are given back when they are more than this many bytes, or this share of the file,"""
FREE_AT_LEAST = 2 * 1024 * 1024
"""but not so few: they will be needed again."""
GIVEN_BACK_AT_ONCE = 100
"""Pages of one step: a few hundred kilobytes, most of them moved from the file's end."""
GIVE_BACK_SECONDS = 0.05

WAL_SECONDS = 10.0
WAL_BYTES = 64 * 1024 * 1024
"""A -wal file beyond this is emptied also while much is committed. Only a long reader makes it."""
IDLE_WAL_BYTES = 4 * 1024 * 1024
IDLE_COMMITS = 20.0
"""Commits per second up to which it is idle; the daemon's own look at deadlines makes a few."""


@dataclass(slots=True)
class _Sweep:
    """A way through one table, from the oldest on."""

    what: str
    step: Callable[[sqlite3.Connection, Any, pruning.Age, int], pruning.Step[Any]]
    first: Any
    """The cursor to begin with."""
    cursor: Any
    removed: int = 0
    undecided: int = 0

    def take(self, step: pruning.Step[Any]) -> None:
        """Remember what a committed step has done."""
        self.cursor = step.cursor
        self.removed += step.removed
        self.undecided += step.undecided


class Upkeep:
    """Prunes the store and gives space back, for as long as it runs."""

    def __init__(
        self,
        store: Store,
        *,
        keep_signals_days: int,
        keep_milestones_days: int,
        used_share: Callable[[], float],
        clock: Clock,
    ) -> None:
        """`used_share` tells how much of the disk budget is used, from 0 to 1."""
        self._store = store
        self._keep_signals = keep_signals_days * DAY_MILLISECONDS
        self._keep_milestones = keep_milestones_days * DAY_MILLISECONDS
        self._used_share = used_share
        self._clock = clock
        self._signals = _Sweep("signals", pruning.signals, 0, 0)
        self._others = (
            _Sweep("milestones", pruning.milestones, 0, 0),
            _Sweep("gaps", pruning.gaps, 0, 0),
            _Sweep("tracks", pruning.tracks, pruning.FIRST_TRACK, pruning.FIRST_TRACK),
        )
        self._is_pressed = False
        self._pressed_sweep_at = 0.0
        self._marks = deque[tuple[float, int]]()
        """When which signal was the newest."""
        self._until = 0
        """Signals up to this one are older than the least age."""
        self._is_giving_back = False

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            StoreFailed: The store failed.

        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_pruning())
            group.create_task(self._keep_giving_back())
            group.create_task(self._keep_wal_short())

    async def _keep_pruning(self) -> None:
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        while True:
            rows = await self.prune()
            if loop.time() - begun_at >= SWEEP_SECONDS:
                begun_at = loop.time()
                self.begin_again()
            await asyncio.sleep(rows / ROWS_PER_SECOND if rows else LOOK_SECONDS)

    async def prune(self) -> int:
        """Take a step of each sweep; return the rows they cost, 0 if there is nothing to do."""
        now = self._clock()
        self._look_at_room()
        await self._mark_newest()
        until = self._until if self._is_pressed else 0
        rows = await self._step(self._signals, pruning.Age(now - self._keep_signals, now, until))
        self._sweep_again(until)
        for sweep in self._others:
            rows += await self._step(sweep, pruning.Age(now - self._keep_milestones, now))
        return rows

    async def _mark_newest(self) -> None:
        loop, marks = asyncio.get_running_loop(), self._marks
        if not marks or loop.time() - marks[-1][0] >= MARK_SECONDS:
            newest = await self._store.write(pruning.newest_signal, size=NEEDS_NO_ROOM)
            marks.append((loop.time(), newest))
        while marks and loop.time() - marks[0][0] >= LEAST_SECONDS:
            _, self._until = marks.popleft()

    def _sweep_again(self, until: int) -> None:
        now = asyncio.get_running_loop().time()
        is_through = 0 < until <= self._signals.cursor
        if is_through and now - self._pressed_sweep_at >= PRESSED_SWEEP_SECONDS:
            self._pressed_sweep_at = now
            self._signals.cursor = self._signals.first

    async def _step(self, sweep: _Sweep, age: pruning.Age) -> int:
        step = await self._store.write(
            lambda connection: sweep.step(connection, sweep.cursor, age, STEP_ROWS),
            weight=STEP_ROWS,
            size=NEEDS_NO_ROOM,
        )
        sweep.take(step)
        return step.rows

    def begin_again(self) -> None:
        """Let every sweep begin at the oldest again, and tell what they have removed."""
        sweeps = (self._signals, *self._others)
        if any(sweep.removed for sweep in sweeps):
            log.info("pruned", **{sweep.what: sweep.removed for sweep in sweeps})
        if self._signals.undecided:
            log.warning(
                "quarantine_pruned",
                signals=self._signals.undecided,
                why="nobody has decided on them for as long as signals are kept",
            )
        for sweep in sweeps:
            sweep.cursor, sweep.removed, sweep.undecided = sweep.first, 0, 0

    def _look_at_room(self) -> None:
        share = self._used_share()
        # Others fill the volume too: then intake is held, however little of the budget is used.
        is_held = bool(self._store.room.held)
        if not self._is_pressed and (is_held or share > PRESSED_ABOVE):
            self._is_pressed = True
            log.warning("store_filling", used_share=round(share, 2), pruning="the oldest signals")
        elif self._is_pressed and not is_held and share < PRESSED_UNTIL:
            self._is_pressed = False
            log.info("store_has_room", used_share=round(share, 2))

    async def _keep_giving_back(self) -> None:
        while True:
            is_more = await self.give_back()
            await asyncio.sleep(GIVE_BACK_SECONDS if is_more else LOOK_SECONDS)

    async def give_back(self) -> bool:
        """Give some free pages back if they are many; return whether there are more to give."""
        pages = await self._store.write(vacuum.pages, size=NEEDS_NO_ROOM)
        free = pages.free * pages.page_bytes
        many = max(FREE_AT_LEAST, min(FREE_BYTES, FREE_SHARE * pages.total * pages.page_bytes))
        # Once begun, until few are left, so that it is not begun again at the next one.
        self._is_giving_back = free > (many / 2 if self._is_giving_back else many)
        if self._is_giving_back:
            await self._store.write(
                lambda connection: vacuum.give_back(connection, GIVEN_BACK_AT_ONCE),
                weight=GIVEN_BACK_AT_ONCE,
                size=NEEDS_NO_ROOM,
            )
        return self._is_giving_back

    async def _keep_wal_short(self) -> None:
        commits = self._store.commits
        while True:
            await asyncio.sleep(WAL_SECONDS)
            is_idle = (self._store.commits - commits) / WAL_SECONDS <= IDLE_COMMITS
            commits = self._store.commits
            size = vacuum.wal_bytes(self._store.path)
            if size > (IDLE_WAL_BYTES if is_idle else WAL_BYTES):
                await self._empty_wal(size)

    async def _empty_wal(self, size: int) -> None:
        emptying = asyncio.create_task(asyncio.to_thread(vacuum.empty_wal, self._store.path))
        try:
            is_empty = await asyncio.shield(emptying)
        except asyncio.CancelledError:
            await asyncio.wait([emptying])  # it has the store open: that must not outlast it
            raise
        if not is_empty and size > WAL_BYTES:
            log.warning(
                "wal_held",
                bytes=size,
                why="a program has been reading the store since before; "
                "a backup that runs, or a shell of sqlite3 left open",
            )
