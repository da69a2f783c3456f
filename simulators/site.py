"""The simulated site as a process: `python -m simulators.site --seed 7 --seconds 60 …`.

It prints the line `ready` when the PLC listens and every device is connected,
then waits for the line `play` on its standard input. While it plays it prints
progress as JSON lines, and `done` when every act is out, the broker has
acknowledged all reports, and every vehicle has told what it finished.
Repeated states and noise go on until SIGTERM or the end of its input.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop

from simulators.clock import now
from simulators.floor import Floor
from simulators.mqtt import Connection
from simulators.noise import Noise
from simulators.plc import Memory, Plc
from simulators.scenario import Scenario, plan

PROGRESS_SECONDS = 1.0
STOP_SECONDS = 0.7


class Site:
    """All devices of a scenario, and its play."""

    def __init__(self, scenario: Scenario, arguments: argparse.Namespace, memory: Memory) -> None:
        self._scenario = scenario
        self._played = 0
        self._plc = Plc(arguments.opcua_port, memory)
        self._floor = Floor(scenario, self._plc, arguments.mqtt_port)
        self._telemetry = Connection("telemetry", arguments.mqtt_port)
        self._noise = Noise(
            self._plc,
            self._telemetry,
            arguments.noise,
            states=len(scenario.vehicles),
            seed=scenario.seed,
        )

    async def run(self, stdin: asyncio.StreamReader) -> None:
        """Come up, play when asked to, and go on until the input ends."""
        await self._plc.start()
        # The address space is permanent: the collector need not walk it, now or at the end.
        gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._floor.run()),
                tasks.create_task(self._telemetry.run()),
                tasks.create_task(self._announce()),
            ]
            try:
                if await _asked_to_play(stdin):
                    running += [tasks.create_task(work) for work in self._on_play()]
                await stdin.read()
            finally:
                for task in running:
                    task.cancel()

    async def stop(self) -> None:
        """Say goodbye and close the PLC."""
        goodbyes = asyncio.gather(self._floor.close(), self._telemetry.close(), self._plc.stop())
        # A peer that does not let go must not hold the site; it is cut off with the process.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(goodbyes, STOP_SECONDS)

    async def _announce(self) -> None:
        await self._floor.all_up()
        await self._telemetry.is_up.wait()
        _say("ready")

    def _on_play(self) -> list[Coroutine[Any, Any, None]]:
        return [self._noise.run(), self._play(), self._tell_progress()]

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        start, started_at = loop.time(), now()
        for act in self._scenario.acts:
            await asyncio.sleep(max(0.0, start + act.offset - loop.time()))
            await self._floor.perform(act, started_at)
            self._played += 1

    async def _tell_progress(self) -> None:
        total = len(self._scenario.acts)
        while self._played < total or not self._floor.is_settled:
            self._say_progress()
            await asyncio.sleep(PROGRESS_SECONDS)
        self._say_progress()
        _say("done")

    def _say_progress(self) -> None:
        sent = self._floor.sent + self._floor.states_sent + self._noise.sent
        _say(json.dumps({"played": self._played, "of": len(self._scenario.acts), "sent": sent}))


async def serve(scenario: Scenario, arguments: argparse.Namespace) -> None:
    """Run a site until SIGTERM, SIGINT or the end of standard input."""
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stdin.feed_eof)
    memory = Memory(arguments.retain)
    site = Site(scenario, arguments, memory)
    try:
        await site.run(stdin)
    finally:
        await site.stop()
        memory.close()


def main() -> None:
    """Parse the command line and run the site."""
    parser = argparse.ArgumentParser(description="A simulated warehouse site.")
    parser.add_argument(
        "--seed", type=int, required=True, help="what happens; same seed, same play"
    )
    parser.add_argument("--seconds", type=float, required=True, help="length of the play")
    parser.add_argument("--opcua-port", type=int, required=True, help="where the PLC listens")
    parser.add_argument("--mqtt-port", type=int, required=True, help="the broker's port")
    parser.add_argument("--noise", type=float, default=200.0, help="noise, signals per second")
    parser.add_argument("--retain", type=Path, help="file that keeps the PLC's memory")
    arguments = parser.parse_args()
    try:
        scenario = plan(arguments.seed, arguments.seconds)
    except ValueError as error:
        parser.error(str(error))
    uvloop.run(serve(scenario, arguments))


async def _asked_to_play(stdin: asyncio.StreamReader) -> bool:
    """Return True on the line `play`, False at the end of the input."""
    async for line in stdin:
        if line.strip() == b"play":
            return True
    return False


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the protocol with whoever started it


if __name__ == "__main__":
    main()
