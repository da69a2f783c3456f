"""The daemon: opens what the configuration names, wires it, and runs it as one task group.

This is the one place that knows concrete drivers, and only by name.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

import drivers
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Clock, Link, Sink, Source
from edge import notify
from edge.config import Configuration
from edge.control import server
from edge.control.decisions import Decisions
from edge.control.gathering import describe, describe_clocks, gather
from edge.control.health import Report, judge
from edge.control.questions import Questions
from edge.deliver.delivery import Delivery
from edge.hearing import heard_by
from edge.heartbeat import keep_beating
from edge.ingest import Ingest, RulesInForce
from edge.steady_clock import SteadyClock
from edge.supervision import keep_running, log_change
from edge.upkeep import Upkeep

log = structlog.get_logger(__name__)

EXPIRE_SECONDS = 0.25
"""How often deadlines are looked at."""
STOP_SECONDS = 4.0
"""How long intake, and then delivery, may take to settle at a stop."""


@dataclass(slots=True)
class _Listener:
    link: Link
    lane: Lane
    source: Source


@dataclass(slots=True)
class _Speaker:
    link: Link
    sink: Sink
    delivery: Delivery


class Daemon:
    """Everything that runs, over an open store."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        reader: Reader,
        clock: Clock,
        file: Path | None = None,
    ) -> None:
        """`file` is what the configuration was read from, and is read from again."""
        self._configuration = configuration
        self._store = store
        self._reader = reader
        self._clock = clock
        self._draw = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._started_at = clock()
        self._heard_by = SteadyClock(clock, asyncio.get_running_loop().time)
        self._lanes = {name: each.lanes() for name, each in configuration.destinations.items()}
        self._rules = RulesInForce(
            configuration,
            file,
            store,
            clock=clock,
            confirm=self._heard_by.confirm,
            on_adopted=self._tell_others,
        )
        self._listeners = {name: self._listen(name) for name in configuration.sources}
        self._speakers = {name: self._speak(name) for name in configuration.destinations}
        self._ingest = Ingest(store, self._rules.judge, on_milestones=self._wake)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; then stop intake, settle what is under way, and return.

        Raises:
            StoreFailed: Inside an exception group; nothing was acknowledged since.

        """
        stop, reload = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        try:
            async with asyncio.TaskGroup() as group:
                reloading = group.create_task(self._rules.reload_whenever(reload))
                await self._run_until(stop, group)
                await _end([reloading])
        finally:
            for speaker in self._speakers.values():
                await speaker.sink.close()

    async def has_looked_up(self) -> bool:
        """Whether what a crash may have left under way has been looked up at every destination."""
        return all([await each.delivery.has_looked_up() for each in self._speakers.values()])

    async def _run_until(self, stop: asyncio.Event, group: asyncio.TaskGroup) -> None:
        answering = asyncio.Event()
        control = group.create_task(
            server.serve(self._operations(), self._configuration.control.socket, answering)
        )
        group.create_task(self._rules.begin())
        beat = group.create_task(keep_beating(self._store, self._started_at, self._clock))
        await answering.wait()
        listening = [
            group.create_task(self._supervise(name, listener.link, partial(self._hear, name)))
            for name, listener in self._listeners.items()
        ]
        expiring = group.create_task(self._expire())
        upkeep = group.create_task(self._upkeep().run())
        speaking = [
            group.create_task(
                self._supervise(
                    name,
                    speaker.link,
                    partial(speaker.delivery.run, speaker.sink, speaker.link),
                )
            )
            for name, speaker in self._speakers.items()
        ]
        notify.ready()
        log.info("started", site=self._configuration.site.name, store=str(self._store.path))
        await stop.wait()
        notify.stopping()
        log.info("stopping")
        await _end(listening)
        await _end([expiring])
        for speaker in self._speakers.values():
            speaker.delivery.stop()
        if speaking:
            await asyncio.wait(speaking, timeout=STOP_SECONDS)
        await _end([*speaking, upkeep, control, beat])

    def _listen(self, name: str) -> _Listener:
        settings = self._configuration.sources[name]
        open_source = drivers.find(settings.driver).open_source
        assert open_source is not None  # the configuration admits no other driver
        link = Link(name, self._heard_by, on_change=log_change)
        lane = Lane[settings.lane.upper()]
        return _Listener(link, lane, open_source(settings, self._heard_by))

    def _speak(self, name: str) -> _Speaker:
        settings = self._configuration.destinations[name]
        open_sink = drivers.find(settings.driver).open_sink
        assert open_sink is not None  # the configuration admits no other driver
        delivery = Delivery(
            name=name,
            settings=settings,
            site=self._configuration.site.uri,
            store=self._store,
            reader=self._reader,
            clock=self._clock,
            draw=self._draw,
            may_have_sent=not self._store.stopped_cleanly,
        )
        # A destination is not connected to before there is something to send.
        link = Link(name, self._clock, reason="", on_change=log_change)
        return _Speaker(link, open_sink(settings, self._clock), delivery)

    async def _hear(self, name: str) -> None:
        listener = self._listeners[name]
        await listener.source.run(self._ingest.intake(name, listener.lane), listener.link)

    async def _supervise(self, name: str, link: Link, run: Callable[[], Awaitable[None]]) -> None:
        await keep_running(name, run, link, self._draw)

    def _upkeep(self) -> Upkeep:
        store, settings = self._store, self._configuration.store
        return Upkeep(
            store,
            keep_signals_days=settings.keep_signals_days,
            keep_milestones_days=settings.keep_milestones_days,
            used_share=lambda: store.room.used / store.room.budget,
            clock=self._clock,
        )

    async def _expire(self) -> None:
        """Look at deadlines, as far as each rule's sources have been heard."""
        while True:
            await asyncio.sleep(EXPIRE_SECONDS)
            async with self._rules.turn:
                await self._ingest.expire(self._heard())

    def _heard(self) -> Mapping[str, int]:
        until = {name: listener.link.heard_until for name, listener in self._listeners.items()}
        owners = self._rules.engine.owners()
        return heard_by(owners, until, now=self._heard_by(), started_at=self._started_at)

    def _tell_others(self, configuration: Configuration) -> None:
        self._lanes.update(
            {name: each.lanes() for name, each in configuration.destinations.items()}
        )

    def _wake(self) -> None:
        for speaker in self._speakers.values():
            speaker.delivery.wake()

    def _operations(self) -> server.Operations:
        decisions = Decisions(
            self._store,
            self._rules.judge,
            self._lanes,
            self._clock,
            on_changed=self._reload,
            on_added=self._wake,
            rules=self._rules,
        )
        return server.Operations(self._health, Questions(self._reader), decisions)

    async def _health(self) -> Report:
        clocks, now = self._rules.judge.clocks, self._clock()
        links = [
            describe(
                listener.link,
                listener.lane,
                describe_clocks(
                    clocks.of(name, now), self._configuration.sources[name].max_skew_seconds
                ),
            )
            for name, listener in self._listeners.items()
        ]
        links += [describe(speaker.link) for speaker in self._speakers.values()]
        facts = await gather(
            self._reader,
            {name: speaker.delivery.pace for name, speaker in self._speakers.items()},
            self._clock(),
            set_aside=self._store.set_aside,
            running_since=self._started_at,
            links=links,
            room=self._store.room,
            shadows={
                name: each.shadow_of for name, each in self._configuration.destinations.items()
            },
        )
        return judge(facts)

    def _reload(self, destinations: Iterable[str]) -> None:
        for name in destinations:
            if name in self._speakers:
                self._speakers[name].delivery.reload()


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have cleaned up."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
