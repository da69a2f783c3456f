"""One simulation, from its seed to its judgement.

Things happen and faults strike; then the faults stop, an operator decides on
what waits for one, and everything must come to its end within a bounded time.
At last a fresh signal has to pass from end to end.
"""

import asyncio
import gc
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from buffer.decisions import TAKES, Act
from buffer.store import Store
from edge.control.messages import Decide
from tests.simulation import oracle, site
from tests.simulation.destinations import Moods
from tests.simulation.faults import Fault, Mix, mix
from tests.simulation.loop import Stuck
from tests.simulation.trace import Trace
from tests.simulation.world import (
    MOST_PACES_BETWEEN_ATTEMPTS,
    RESTART_PACES,
    STORE_BYTES,
    World,
)

MEMORY = Path("/dev/shm")
FRESH, IDLE = "FRESH", "IDLE"
"""Units: the one that must pass at last, and one that means nothing."""
HOUR_MS = 3_600_000
MOST_LATE_SECONDS = 1.5
"""Devices tell within this time; no rule waits less."""
LOOK_SECONDS = 5.0
FRESH_SECONDS = 2.0
"""In calm a signal passes in less, or in a pause between two attempts."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a simulation ended."""

    seed: int
    violations: tuple[str, ...]
    digest: str
    virtual_seconds: float


class Place:
    """Where simulations keep their stores: in memory, if there is a file system in memory."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.path = Path(self._directory.name)
        self.empty = self.path / "empty.db"
        asyncio.run(_make(self.empty))

    def clear(self) -> None:
        """Remove what a simulation left, but for the empty store."""
        for file in self.path.iterdir():
            if file != self.empty:
                file.unlink()

    def close(self) -> None:
        """Remove everything."""
        self._directory.cleanup()


async def _make(path: Path) -> None:
    await Store.open(path, max_size=STORE_BYTES).close()


def play(seed: int, place: Place, tell: Callable[[str], None] | None = None) -> Result:
    """Run the simulation of a seed; `tell` is given each line of its trace."""
    draw = random.Random(f"{seed} mix")
    drawn = mix(draw)
    trace = Trace(tell)
    trace("mix", drawn)
    place.clear()
    world = World(seed, drawn, place.path, place.empty, trace)
    game = _Game(world, draw)
    gc.disable()  # it would run code of dead processes in the middle of a life
    try:
        with world.in_place():
            try:
                world.loop.run_until_complete(game.play())
            except Stuck as stuck:
                game.violations.append(str(stuck))
            world.loop.close()
    finally:
        gc.enable()
    return Result(seed, tuple(game.violations), trace.digest, world.loop.time())


class _Game:
    """What happens to a world, and when."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world = world
        self.mix: Mix = world.mix
        self.draw = draw
        self.violations: list[str] = []

    async def play(self) -> None:
        """Play; what went wrong is in `violations` then."""
        world = self.world
        self._plan_happenings()
        self._plan_faults()
        world.start()
        while world.loop.time() < self.mix.seconds and not self._broken():
            await asyncio.sleep(max(LOOK_SECONDS, self.mix.pace))
            self.violations += oracle.bounds(world)
        self._calm()
        if not self._broken():
            await self._settle()
        self.violations += self._broken()
        if not self.violations:
            self.violations += oracle.judge(world)
        world.restarts = False
        world.crash("the simulation is over")

    def _broken(self) -> list[str]:
        """Return what was noticed to be wrong as it happened."""
        world = self.world
        found = [*world.loop.failures, *world.failures]
        for destination in world.destinations.values():
            found += destination.violations
        return found

    # ---- What happens ------------------------------------------------------------------------

    def _plan_happenings(self) -> None:
        for each in self.world.plan.happenings():
            self._tell(each, self._late())
            if Fault.REPEATS in self.mix.faults and self.draw.random() < 0.3:
                self._tell(each, self._late() + self.draw.uniform(0, 30))

    def _late(self) -> float:
        return self.draw.uniform(0, MOST_LATE_SECONDS) if Fault.LATE in self.mix.faults else 0.0

    def _tell(self, each: site.Happening, late: float) -> None:
        world = self.world
        at = (each.at - site.START) / 1000 + late + self.mix.behind
        hub = world.hubs[each.source]
        world.loop.outside(at - world.loop.time(), hub.say, each.subject, each.payload())

    def _say(self, each: site.Happening) -> None:
        self.world.hubs[each.source].say(each.subject, each.payload())

    # ---- What goes wrong ---------------------------------------------------------------------

    def _plan_faults(self) -> None:
        world, faults = self.world, self.mix.faults
        self._strike(Fault.STOP, world.stop)
        self._strike(Fault.CUT, self._cut)
        self._last(Fault.SLOW_DISK, self._slow_down, self._mend_disk)
        self._last(Fault.SLOW_READER, self._slow_reader, self._mend_disk)
        self._last(Fault.FAILING_DISK, self._fail_disk, self._mend_disk)
        self._last(Fault.FULL_DISK, world.disk.fill, world.disk.empty)
        self._strike(Fault.LOST_ACKNOWLEDGEMENT, self._lose_acknowledgement)
        self._last(Fault.DOWN, self._take_down, self._bring_up)
        self._strike(Fault.JUMPING_CLOCK, self._jump)
        self._strike(Fault.OPERATOR, self._operate, 30)
        if Fault.CRASH in faults:
            self._strike(Fault.CRASH, self._crash_soon)
        for destination in world.destinations.values():
            destination.moods = Moods(ways=self.mix.ways, poison=self.mix.poison)

    def _strike(self, fault: Fault, strike: Callable[[], None], most: int = 5) -> None:
        """Let a fault strike a few times."""
        if fault in self.mix.faults:
            for _ in range(self.draw.randint(1, most)):
                self.world.loop.outside(self.draw.uniform(0, self.mix.seconds), strike)

    def _last(self, fault: Fault, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Let a fault last for a while, a few times."""
        if fault in self.mix.faults:
            for _ in range(self.draw.randrange(1, 4)):
                since = self.draw.uniform(0, self.mix.seconds)
                until = since + self.draw.uniform(0, self.mix.seconds / 2)
                self.world.loop.outside(since, begin)
                self.world.loop.outside(min(until, self.mix.seconds), end)

    def _crash_soon(self) -> None:
        self._soon(self._crash)

    def _crash(self) -> None:
        self.world.crash("killed")
        if Fault.STOP in self.mix.faults:  # stopped in order before it has looked up anything
            self.world.loop.outside(RESTART_PACES * self.mix.pace, self._soon, self.world.stop)

    def _soon(self, strike: Callable[[], None]) -> None:
        """Strike after a number of steps, which is at any await of the process."""
        loop = self.world.loop
        if loop.time() >= self.mix.seconds:
            return
        last = loop.steps + self.draw.randrange(200)

        def count() -> None:
            if loop.steps >= last:
                loop.on_step = lambda: None
                strike()

        loop.on_step = count

    def _cut(self) -> None:
        hub = self.draw.choice(list(self.world.hubs.values()))
        hub.is_reachable = False
        hub.cut("the network failed")
        self.world.loop.outside(
            self.draw.uniform(0, self.mix.seconds / 2), setattr, hub, "is_reachable", True
        )

    def _slow_down(self) -> None:
        self.world.disk.slowest = self.draw.choice([0.01, 0.3, 3.0])

    def _fail_disk(self) -> None:
        self.world.disk.fails = self.draw.choice([0.001, 0.01, 0.03])

    def _slow_reader(self) -> None:
        self.world.disk.slowest_read = self.draw.choice([0.01, 0.3, 3.0])

    def _mend_disk(self) -> None:
        disk = self.world.disk
        disk.slowest = disk.slowest_read = disk.fails = 0.0

    def _lose_acknowledgement(self) -> None:
        self.draw.choice(list(self.world.hubs.values())).loses_acknowledgement = True

    def _take_down(self) -> None:
        moods = self.draw.choice(list(self.world.destinations.values())).moods
        moods.is_down, moods.is_silent = True, self.draw.random() < 0.3

    def _bring_up(self) -> None:
        for destination in self.world.destinations.values():
            destination.moods.is_down = destination.moods.is_silent = False

    def _jump(self) -> None:
        self.world.clock_error = self.draw.choice([-1, 0, 1]) * self.draw.randrange(HOUR_MS)
        self.world.trace("the clock jumps", self.world.clock_error)

    def _operate(self) -> None:
        """Have an operator do something that can be done to some entry."""
        entries = oracle.entries(self.world)
        if entries:
            entry = self.draw.choice(entries)
            acts = [act for act, states in TAKES.items() if entry.state in states]
            self._decide(entry, self.draw.choice(acts))

    def _decide(self, entry: oracle.StoredEntry, act: Act) -> None:
        world = self.world
        if world.operations is None:
            return
        world.trace("operator", act, entry)
        destination = world.destinations[entry.destination]
        if act == "discard":
            destination.given_up.add(entry.milestone)
        elif act == "replay":
            destination.wanted_again(entry.milestone)
        reason = "of no use any more" if act == "discard" else None
        asked = Decide(act=act, numbers=(entry.seq,), reason=reason)
        world.spawn(world.operations.decisions.decide(asked, "operator"))

    # ---- How it ends -------------------------------------------------------------------------

    def _calm(self) -> None:
        """Stop all faults."""
        world = self.world
        world.trace("calm")
        world.loop.on_step = lambda: None
        world.slow_down(LOOK_SECONDS)
        world.clock_error = 0
        self._mend_disk()
        world.disk.empty()
        for hub in world.hubs.values():
            hub.is_reachable, hub.loses_acknowledgement = True, False
        for destination in world.destinations.values():
            destination.mend()

    async def _settle(self) -> None:
        """Wait until all is done, then see a fresh signal pass."""
        world = self.world
        bound = world.loop.time() + 300 + 60 * self.mix.pace
        while not oracle.is_settled(world) and not self._broken():
            if world.loop.time() > bound:
                world.trace("not settled in time")
                return
            # No site is silent for long, and a clock that was set forward is believed
            # when a device says so, too.
            self._say(site.Happening(world.clock(), "floor", "door-scan/door-1", {"unit": IDLE}))
            await asyncio.sleep(LOOK_SECONDS)
            for entry in oracle.entries(world, "dead"):
                is_poison = world.destinations[entry.destination].is_poison(entry.milestone)
                self._decide(entry, "discard" if is_poison else "retry")
        fresh = site.Happening(world.clock(), "floor", "scan/in-1", {"unit": FRESH})
        fact = site.Fact("received", f"unit:{FRESH}", fresh.at)
        world.plan.stories.append(site.Story([fresh], {fact}))
        self._say(fresh)
        seconds = FRESH_SECONDS + MOST_PACES_BETWEEN_ATTEMPTS * self.mix.pace
        await asyncio.sleep(seconds)
        for name, destination in world.destinations.items():
            if all(entry.key != fact.key for entry in destination.booked.values()):
                self.violations.append(f"{name}: a fresh signal takes over {seconds:g} s")
        assert world.daemon is not None
        for name, speaker in world.daemon._speakers.items():
            if speaker.delivery.pace.is_open:
                self.violations.append(f"{name}: is taken for failing, and it works")
        await asyncio.sleep(max(self.mix.pace, LOOK_SECONDS))  # until deadlines were looked at
