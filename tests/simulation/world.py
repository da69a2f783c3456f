"""A gateway's whole world in one thread: floor, disk, destinations, clock and operator.

What runs in it is the daemon as it is wired for a site, over a real store.
Replaced are the wire of each driver, the thread of the store and of the
reader, the control socket, the clock and the randomness.
"""

import asyncio
import contextlib
import math
import os
import random
import shutil
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import structlog
from pydantic import ByteSize, TypeAdapter

import drivers
from buffer import opening
from buffer import store as stores
from buffer.failures import StoreFailed
from buffer.writing.reserve import reserve_of
from drivers.contract import Clock, Driver
from edge import daemon as wiring
from edge import heartbeat, upkeep
from edge.cli import running
from edge.config import Configuration
from edge.config.models import SiteSettings, SourceSettings, StoreSettings
from edge.control import server
from edge.daemon import Daemon
from edge.deliver import backlog, delivery, queue
from edge.deliver.settings import DestinationSettings
from edge.ingest import intake
from edge.milestones.decode import ObservationSettings
from edge.milestones.model import Name
from edge.milestones.rules import Lifecycle, Rule
from tests.simulation import site
from tests.simulation.destinations import Destination, SimulatedSink
from tests.simulation.devices import MEMORIES, Hub, SimulatedSource
from tests.simulation.disk import Inline, SimulatedDisk
from tests.simulation.faults import Fault, Mix
from tests.simulation.loop import Life, VirtualLoop
from tests.simulation.trace import Trace

RESTART_PACES = 4
"""How long systemd waits before it starts a process again, in the mix's pace."""

MOST_PACES_BETWEEN_ATTEMPTS = 5
STORE_BYTES = 8 * 1024 * 1024
"""The budget of a store: more than any simulation needs."""
WMS = (Name.RECEIVED, Name.STORED, Name.LOST, Name.SHORT)
"""What the WMS is owed; the ERP is owed everything."""

_OBSERVATIONS = TypeAdapter(tuple[ObservationSettings, ...]).validate_python(site.OBSERVATIONS)
_RULES = TypeAdapter(dict[str, Rule]).validate_python(site.RULES)
_LIFECYCLES = TypeAdapter(dict[str, Lifecycle]).validate_python(site.LIFECYCLES)


class World:
    """Everything in one simulation."""

    def __init__(self, seed: int, mix: Mix, directory: Path, empty: Path, trace: Trace) -> None:
        """`empty` is the file of a store in which nothing is, to begin with."""
        self.mix = mix
        self.trace = trace
        self.draw = random.Random(f"{seed} world")
        self.store_path = directory / "milepost.db"
        shutil.copy(empty, self.store_path)
        self.disk = SimulatedDisk(reserve_of(self.store_path), random.Random(f"{seed} disk"), trace)
        self.loop = VirtualLoop(
            random.Random(f"{seed} loop"), self.disk, shuffle=Fault.SHUFFLE in mix.faults
        )
        trace.now = self.loop.time
        self.hubs = {name: Hub(name, mix.pace, trace) for name in MEMORIES}
        self.destinations = {
            name: Destination(
                name,
                self.loop,
                random.Random(f"{seed} {name}"),
                trace,
                can_be_asked=name == "erp",
            )
            for name in ("erp", "wms")
        }
        self.plan = site.plan(
            self.draw,
            mix.stories,
            mix.seconds,
            behind=mix.behind,
            is_clock_true=Fault.JUMPING_CLOCK not in mix.faults,
        )
        self.clock_error = 0
        """Milliseconds by which the gateway's clock is wrong."""
        self.daemon: Daemon | None = None
        self.operations: server.Operations | None = None
        self.failures: list[str] = []
        """What ended the process although nothing outside was wrong."""
        self.restarts = True
        self._life: Life | None = None
        self._lives = 0
        self._locks: list[int] = []
        self._seed = seed
        self._configuration = _configuration(self.store_path, mix)

    @property
    def is_up(self) -> bool:
        """Whether the process runs, and hears all of its sources."""
        return self.operations is not None and all(
            hub.connection is not None for hub in self.hubs.values()
        )

    def clock(self) -> int:
        """Return the time by the gateway's clock."""
        return site.START + round(self.loop.time() * 1000) + self.clock_error

    # ---- The process -------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process, if it does not run."""
        if self._life is not None:
            return
        self._lives += 1
        self._life = Life(self._lives)
        self.trace("start", self._lives)
        self._life.context.run(self._spawn)

    def _spawn(self) -> None:
        task = self.loop.create_task(running._run(self._configuration))
        task.add_done_callback(self._ended, context=self.loop.world)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        life = self._life
        if life is None or task not in life.tasks:
            return
        error = None if task.cancelled() else task.exception()
        self.trace("ended", repr(error).replace(str(self.store_path), "the store"))
        if error is not None and not _is_of_the_store(error):
            self.failures.append(f"the process ended with {error!r}")
        left = [each for each in life.tasks if not each.done()]
        if error is None and left:
            self.failures.append(f"a clean stop left {left} behind")
        self._bury()

    def crash(self, why: str) -> None:
        """Kill the process between two steps, if it runs."""
        if self._life is not None:
            self.trace("crash", why)
            self._bury()

    def _bury(self) -> None:
        assert self._life is not None
        self._life.die()
        self._life = None
        self.daemon = None
        self.operations = None
        self.loop.stop_process = None
        self.disk.crash()
        for descriptor in self._locks:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._locks.clear()
        for hub in self.hubs.values():
            hub.cut("the gateway is gone")
        for destination in self.destinations.values():
            destination.under_way.clear()
        if self.restarts:
            self.loop.outside(RESTART_PACES * self.mix.pace, self.start)

    def spawn(self, act: Coroutine[Any, Any, object]) -> None:
        """Have the process do something that it was asked for over its control socket."""
        assert self._life is not None
        self._life.context.run(self.loop.create_task, act)

    def stop(self) -> None:
        """Ask the process to stop."""
        if self.loop.stop_process is not None:
            self.trace("SIGTERM")
            self.loop.stop_process()

    def slow_down(self, pace: float) -> None:
        """Let all that happens again and again happen less often, if it is faster."""
        wiring.EXPIRE_SECONDS = max(wiring.EXPIRE_SECONDS, pace)
        for hub in self.hubs.values():
            hub.pace = max(hub.pace, pace)

    # ---- What stands in for the machine ------------------------------------------------------

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put this world under the daemon."""
        randomness = SimpleNamespace(Random=lambda: random.Random(f"{self._seed} {self._lives}"))
        lock = opening.lock

        def note_lock(path: Path) -> int:
            descriptor = lock(path)
            self._locks.append(descriptor)
            return descriptor

        patches: list[tuple[Any, str, Any]] = [
            (drivers, "find", self._find),
            (server, "serve", self._serve),
            (running, "system_clock", self.clock),
            (running, "Daemon", self._daemon),
            (wiring, "random", randomness),
            (wiring, "EXPIRE_SECONDS", self.mix.pace),
            (heartbeat, "BEAT_SECONDS", 10 * self.mix.pace),
            (intake, "MAX_WAITING_SIGNALS", self.mix.signals_waiting),
            (stores, "LOOK_SECONDS", self.mix.pace),
            (upkeep, "WAL_SECONDS", 20 * self.mix.pace),
            (upkeep, "LOOK_SECONDS", 10 * self.mix.pace),
            # A full disk has signals pruned that explain nothing: the oracle would miss them.
            (upkeep, "LEAST_SECONDS", math.inf),
            (delivery, "POLL_SECONDS", 20 * MOST_PACES_BETWEEN_ATTEMPTS * self.mix.pace),
            (delivery, "CHUNK", max(2, self.mix.window // 2)),
            (backlog, "CHUNK_OF_KEY", 2),
            (backlog, "FETCHES", 2),
            (queue, "WINDOW", self.mix.window),
            (queue, "MAX_RESTING", self.mix.window),
        ]
        with contextlib.ExitStack() as stack:
            for where, name, instead in patches:
                stack.enter_context(mock.patch.object(where, name, instead))
            stack.enter_context(mock.patch("aiosqlite.connect", self.disk.open_for_reading))
            stack.enter_context(mock.patch("os.statvfs", self.disk.statvfs))
            stack.enter_context(mock.patch("buffer.store.ThreadPoolExecutor", Inline))
            stack.enter_context(mock.patch("buffer.store.lock", note_lock))
            stack.enter_context(
                mock.patch("buffer.opening.sqlite3.connect", self.disk.open_for_writing)
            )
            stack.callback(structlog.configure, **structlog.get_config())
            structlog.configure(processors=[self._note], cache_logger_on_first_use=False)
            yield

    def _note(self, logger: object, level: str, event: Mapping[str, Any]) -> Any:
        del logger
        told = {name: value for name, value in event.items() if name not in ("exc_info", "store")}
        self.trace("log", level, str(told).replace(str(self.store_path), "the store"))
        raise structlog.DropEvent

    def _daemon(self, *arguments: Any) -> Daemon:
        self.daemon = Daemon(*arguments)
        return self.daemon

    def _find(self, name: str) -> Driver:
        return Driver(
            open_source=lambda _, clock: self._source(name, clock),
            open_sink=lambda _, __: self._sink(name),
        )

    def _source(self, name: str, clock: Clock) -> SimulatedSource:
        mix = self.mix
        return SimulatedSource(self.hubs[name], clock, mix.signals_under_way, mix.signals_at_once)

    def _sink(self, name: str) -> SimulatedSink:
        return SimulatedSink(self.destinations[name], 1 if name == "erp" else self.mix.batch_limit)

    async def _serve(self, operations: server.Operations, path: Path, ready: asyncio.Event) -> None:
        del path
        self.operations = operations
        ready.set()
        await asyncio.Event().wait()


def _configuration(path: Path, mix: Mix) -> Configuration:
    """Return the configuration of the site."""
    most = MOST_PACES_BETWEEN_ATTEMPTS * mix.pace
    retries = {"retry_initial_seconds": 0.5, "retry_ceiling_seconds": most}
    names: dict[str, dict[str, object]] = {
        "erp": {"after_rejection": "hold" if mix.holds else "continue"},
        "wms": {"milestones": WMS, "critical": (Name.LOST, Name.SHORT), "bulk": (Name.RECEIVED,)},
    }
    return Configuration(
        site=SiteSettings(name="dc", uri=site.SITE),
        store=StoreSettings(path=path, max_size=ByteSize(STORE_BYTES)),
        sources={
            "floor": SourceSettings(driver="floor"),
            "plc": SourceSettings(driver="plc", lane="critical"),
            "dock": SourceSettings(driver="dock", lane="bulk"),
        },
        destinations={
            name: DestinationSettings.model_validate(
                {"driver": name, "max_in_flight": mix.max_in_flight, **retries, **more}
            )
            for name, more in names.items()
        },
        observations=_OBSERVATIONS,
        rules=_RULES,
        lifecycles=_LIFECYCLES,
    )


def _is_of_the_store(error: BaseException) -> bool:
    """Tell whether the process ended as it must when its disk fails."""
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) != 1:
            return all(_is_of_the_store(each) for each in error.exceptions)
        error = error.exceptions[0]
    return isinstance(error, StoreFailed)
