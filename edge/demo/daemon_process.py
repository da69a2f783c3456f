"""The daemon as a process of the demonstration."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from edge.config import load
from edge.control.client import Control, NotRunning

MILEPOST = Path(sys.executable).with_name("milepost")
STOP_SECONDS = 15.0
COME_UP_SECONDS = 15.0
TAKE_UP_SECONDS = 1.0


class StageFailed(Exception):
    """A process of the demonstration did not come up; the message names its log."""


class DaemonProcess:
    """`milepost run`, as it is installed, with its log in a file."""

    def __init__(self, config: Path, log: Path) -> None:
        self.environment = dict(os.environ)
        """Its own, from the next start on."""
        self._config = config
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process; it must have been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(MILEPOST, "run", "--config", self._config),
                stdout=log,
                stderr=log,
                env=self.environment,
            )

    async def come_up(self) -> None:
        """Start it, and let it take up what was said meanwhile.

        Vehicles tell their states with QoS 0, which nobody acknowledges: what a
        broker has just sent is lost if the daemon dies before it is on disk.
        """
        await self.start()
        control = Control(load(self._config).control.socket)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COME_UP_SECONDS
        # Another process, which tells nobody when it has come up.
        while (  # noqa: ASYNC110
            loop.time() < deadline and not await asyncio.to_thread(_hears, control)
        ):
            await asyncio.sleep(0.1)
        await asyncio.sleep(TAKE_UP_SECONDS)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it with SIGTERM. Does nothing if it does not run."""
        await end(self._process)

    async def restart(self) -> None:
        """Start it again when it has ended by itself."""
        assert self._process is not None
        await self._process.wait()
        await self.start()

    async def command(self, *arguments: str) -> None:
        """Run `milepost` as an operator does.

        Raises:
            StageFailed: It says that something is wrong.

        """
        process = await asyncio.create_subprocess_exec(
            MILEPOST,
            *arguments,
            "--config",
            self._config,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        _, said = await process.communicate()
        if process.returncode != 0:
            raise StageFailed(f"milepost {' '.join(arguments)}: {said.decode().strip()}")


def _hears(control: Control) -> bool:
    try:
        links = control.health().facts.links
    except NotRunning:
        return False
    return all(link.is_up for link in links if link.direction == "source")


async def end(process: asyncio.subprocess.Process | None) -> None:
    """End a process with SIGTERM, and if it does not heed that, with SIGKILL."""
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
