"""One run of the demonstration, from the first process to the verdict."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import orjson
from rich.console import Console
from rich.live import Live
from rich.table import Table

from buffer import tally
from buffer.reader import Reader
from edge.config import load
from edge.control.client import Control, NotRunning
from edge.control.health import Report
from edge.demo.daemon_process import StageFailed
from edge.demo.display import Display
from edge.demo.faults import FAULTS, Fault, happen
from edge.demo.stage import Stage
from simulators.broker import BrokerFailed
from simulators.compare import Comparison, compare
from simulators.erp_process import ErpFailed
from simulators.scenario import plan

PLAY_SHARE = 0.5
"""Of the whole time; the rest is for coming up, for deadlines, and for catching up."""
GRACE = 1.5
"""A slow machine gets so many times as long before the book is compared as it stands."""
QUIET_SECONDS = 3.0
"""How long nothing more must come before the book is closed."""
POLL_SECONDS = 0.25
LACKING = 3
"""Exit code: this machine lacks something that the fault needs."""
LINK_SECONDS = 30.0
"""By when the daemon must have reached the site's devices."""


def run_demo(seconds: float, seed: int, *, fault: str, only_json: bool) -> int:
    """Run the demonstration; return 0 only if the ERP's book says exactly what happened."""
    console = Console(quiet=only_json, highlight=False)
    chosen = FAULTS[fault]
    if lack := chosen.lacks():
        Console(stderr=True).print(f"--fault {fault} needs {lack}", markup=False)
        return LACKING
    try:
        return asyncio.run(_Run(seconds, seed, console).run(chosen))
    except (StageFailed, BrokerFailed, ErpFailed) as failure:
        Console(stderr=True).print(f"{failure}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; every process has been ended")
        return 130


class _Run:
    def __init__(self, seconds: float, seed: int, console: Console) -> None:
        self._seconds = seconds
        self._seed = seed
        self._console = console
        self._display = Display(seconds, seed)
        self._live: Live | None = None

    async def run(self, fault: Fault) -> int:
        self._start = asyncio.get_running_loop().time()
        play = PLAY_SHARE * self._seconds
        scenario = plan(self._seed, play)
        async with Stage.set_up(self._seed, play, fault.staging) as stage:
            self._console.print(f"configuration: {stage.config}", soft_wrap=True)
            self._control = Control(load(stage.config).control.socket)
            await self._until_linked(stage)
            async with self._watching(stage):
                stage.play()
                self._say("the site begins")
                failing = asyncio.create_task(happen(fault.happenings(stage, play), self._say))
                try:
                    await self._until_delivered(
                        stage, len(scenario.truth), failing, self._patience(fault)
                    )
                finally:
                    failing.cancel()
                    await asyncio.wait([failing])
            signals = await _signals(stage)
            comparison = compare(scenario.truth, stage.erp.book())
        return self._conclude(stage, comparison, signals)

    def _patience(self, fault: Fault) -> float:
        return GRACE * self._seconds + fault.lasts_longer

    @property
    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._start

    def _say(self, words: str) -> None:
        line = f"{self._elapsed:5.1f} s  {words}"
        self._display.happenings.append(line)
        if self._live is None or not self._console.is_terminal:
            self._console.print(line, soft_wrap=True)

    async def _ask(self) -> Report | None:
        try:
            return await asyncio.to_thread(self._control.health)
        except NotRunning:
            return None

    async def _until_linked(self, stage: Stage) -> None:
        while not stage.daemon.has_ended and self._elapsed < LINK_SECONDS:
            report = await self._ask()
            links = report.facts.links if report else ()
            if links and all(x.is_up for x in links if x.direction == "source"):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise StageFailed(f"the daemon does not listen; see {stage.directory}/daemon.log")

    async def _until_delivered(
        self, stage: Stage, expected: int, failing: "asyncio.Task[None]", patience: float
    ) -> None:
        """Wait until the ERP has as much as it should and then nothing more, or time is up."""
        loop = asyncio.get_running_loop()
        booked, changed = -1, loop.time()
        while self._elapsed < patience:
            if failing.done():
                failing.result()
            if self._display.booked != booked:
                booked, changed = self._display.booked, loop.time()
            quiet = loop.time() - changed > QUIET_SECONDS
            is_over = stage.progress.is_done.is_set() and failing.done()
            if is_over and quiet and booked >= expected:
                return
            await asyncio.sleep(POLL_SECONDS)
        self._say("time is up")

    @contextlib.asynccontextmanager
    async def _watching(self, stage: Stage) -> AsyncIterator[None]:
        """Show what happens meanwhile."""
        with Live(
            self._display, console=self._console, refresh_per_second=4, transient=True
        ) as live:
            self._live = live
            watching = asyncio.create_task(self._watch(stage))
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.wait([watching])
                self._live = None
        for line in self._display.happenings if self._console.is_terminal else ():
            self._console.print(line, soft_wrap=True)

    async def _watch(self, stage: Stage) -> None:
        while True:
            report = await self._ask()
            state = await asyncio.to_thread(stage.erp.state)
            self._display.show(report, self._elapsed, state["bookings"])
            await asyncio.sleep(POLL_SECONDS)

    def _conclude(self, stage: Stage, comparison: Comparison, signals: int) -> int:
        self._console.print(_table(comparison))
        for words, facts in (
            ("lost", comparison.lost),
            ("duplicated", comparison.duplicated),
            ("invented", comparison.invented),
            ("out of order", comparison.out_of_order),
        ):
            for fact in list(facts)[:10]:
                self._console.print(f"{words}: {fact}", markup=False, soft_wrap=True)
        self._console.print(
            f"Look further: {sys.argv[0]} trace SO-1001 --config {stage.config}", soft_wrap=True
        )
        total = comparison.total
        verdict = {
            "signals": signals,
            "expected": total.expected,
            "delivered": total.delivered,
            "lost": total.lost,
            "duplicated": total.duplicated,
            "invented": total.invented,
            "out_of_order": total.out_of_order,
            "seconds": round(self._elapsed, 1),
        }
        print(orjson.dumps(verdict).decode())  # noqa: T201 - the last line, for programs
        return 0 if comparison.is_faultless and total.expected > 0 else 1


async def _signals(stage: Stage) -> int:
    """Return how many signals the gateway has committed."""
    async with Reader.open(load(stage.config).store.path) as reader:
        return (await reader.tallies()).get(tally.SIGNALS, 0)


def _table(comparison: Comparison) -> Table:
    """Return what truly happened beside what the ERP's book says."""
    table = Table(title="What happened, and what the ERP knows of it")
    table.add_column("milestone")
    for column in ("expected", "delivered", "lost", "duplicated", "invented", "out of order"):
        table.add_column(column, justify="right")
    for name, row in [*comparison.rows.items(), ("total", comparison.total)]:
        table.add_row(
            name,
            *map(
                str,
                (
                    row.expected,
                    row.delivered,
                    row.lost,
                    row.duplicated,
                    row.invented,
                    row.out_of_order,
                ),
            ),
            style="bold" if name == "total" else None,
        )
    return table
