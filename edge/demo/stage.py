"""The processes of the demonstration: broker, simulated site, simulated ERP, and the daemon."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from edge.config import load
from edge.control.client import Control, NotRunning
from edge.demo.example import Addresses, configuration
from simulators import volume
from simulators.broker import Broker, BrokerFailed
from simulators.erp_process import ErpFailed, ErpProcess
from simulators.ports import free_port
from simulators.proxy import Proxy
from simulators.wall_clock import WallClock

STOP_SECONDS = 15.0
COME_UP_SECONDS = 15.0
TAKE_UP_SECONDS = 1.0
DISK_BYTES = 192 * 1024 * 1024
MILEPOST = Path(sys.executable).with_name("milepost")


class StageFailed(Exception):
    """A process of the demonstration did not come up; the message names its log."""


@dataclass(slots=True)
class SiteProgress:
    """What the simulated site says of its play."""

    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_done: asyncio.Event = field(default_factory=asyncio.Event)
    played: int = 0
    of: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Staging:
    """How the stage differs from the one that ships."""

    store: str = ""
    """Further lines for the [store] section of the configuration."""
    has_own_clock: bool = False
    """Whether the daemon has a wall clock of its own, that can be wrong. Takes a C compiler."""
    is_networked: bool = False
    """Whether the daemon reaches broker and ERP over a network that can be bad."""
    has_own_disk: bool = False
    """Whether the store is on a file system of its own, whose power can be cut. Takes root."""


AS_SHIPPED = Staging()


class Stage:
    """All processes, in a scratch directory that stays for a look afterwards."""

    def __init__(self, seed: int, play_seconds: float, staging: Staging) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="milepost-demo-"))
        self.config = self.directory / "milepost.toml"
        self.broker = Broker(self.directory / "broker")
        self.erp = ErpProcess(self.directory / "erp", seed=seed)
        self.progress = SiteProgress()
        self.clock: WallClock
        """The daemon's, if the staging gives it one of its own."""
        self._staging = staging
        self._store = self.directory
        self._image = self.directory / "disk.image"
        self._erp_port = urlsplit(self.erp.url).port or 0
        self.to_broker, self.to_erp = Proxy(self.broker.port), Proxy(self._erp_port)
        """The network, if the staging has one."""
        self._environment: Mapping[str, str] = os.environ
        self.seed = seed
        self._play_seconds = play_seconds
        self._plc_port = free_port()
        self._site: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._daemon: asyncio.subprocess.Process | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def set_up(
        cls, seed: int, play_seconds: float, staging: Staging
    ) -> AsyncIterator["Stage"]:
        """Start all processes; end every one at the end, however it comes.

        Raises:
            StageFailed: A process did not come up.
            BrokerFailed: The same, for the broker: it may not be installed.
            ErpFailed: The same, for the ERP.

        """
        stage = cls(seed, play_seconds, staging)
        try:
            if staging.has_own_clock:
                stage.clock = WallClock(stage.directory)
                stage._environment = {**os.environ, **stage.clock.environment}
            if staging.has_own_disk:
                await asyncio.to_thread(stage._mount_disk)
            await stage._configure()
            await asyncio.to_thread(stage.broker.start)
            # All at once: a daemon waits for devices that are not there yet.
            await asyncio.gather(
                asyncio.to_thread(stage.erp.start), stage._start_site(), stage.start_daemon()
            )
            yield stage
        finally:
            await stage._strike()

    async def cut_power(self) -> None:
        """Lose what the store's disk has not synced, and the daemon; then have the disk back."""
        await asyncio.to_thread(volume.cut, self._store)
        await self.kill_daemon()
        await asyncio.to_thread(volume.unmount, self._store)
        await asyncio.to_thread(volume.mount, self._image, self._store)

    async def start_daemon(self) -> None:
        """Start the daemon as it is installed."""
        with (self.directory / "daemon.log").open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(
                *(MILEPOST, "run", "--config", self.config),
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    async def come_up(self) -> None:
        """Start the daemon, and let it take up what was said meanwhile.

        Vehicles tell their states with QoS 0, which nobody acknowledges: what a
        broker has just sent is lost if the daemon dies before it is on disk.
        """
        await self.start_daemon()
        control = Control(load(self.config).control.socket)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COME_UP_SECONDS
        # Another process, which tells nobody when it has come up.
        while (  # noqa: ASYNC110
            loop.time() < deadline and not await asyncio.to_thread(_hears, control)
        ):
            await asyncio.sleep(0.1)
        await asyncio.sleep(TAKE_UP_SECONDS)

    async def kill_daemon(self) -> None:
        """End the daemon with SIGKILL."""
        assert self._daemon is not None
        self._daemon.kill()
        await self._daemon.wait()

    async def stop_daemon(self) -> None:
        """End the daemon with SIGTERM."""
        await _end(self._daemon)

    async def restart_daemon(self) -> None:
        """Start the daemon again when it has ended by itself."""
        assert self._daemon is not None
        await self._daemon.wait()
        await self.start_daemon()

    async def command(self, *arguments: str) -> None:
        """Run `milepost` as an operator does.

        Raises:
            StageFailed: It says that something is wrong.

        """
        process = await asyncio.create_subprocess_exec(
            MILEPOST,
            *arguments,
            "--config",
            self.config,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        _, said = await process.communicate()
        if process.returncode != 0:
            raise StageFailed(f"milepost {' '.join(arguments)}: {said.decode().strip()}")

    @property
    def daemon_pid(self) -> int:
        """Its process."""
        assert self._daemon is not None
        return self._daemon.pid

    @property
    def daemon_has_ended(self) -> bool:
        """Whether the daemon was started and runs no more."""
        return self._daemon is not None and self._daemon.returncode is not None

    def play(self) -> None:
        """Have the site begin."""
        assert self._site is not None
        assert self._site.stdin is not None
        self._site.stdin.write(b"play\n")

    def _mount_disk(self) -> None:
        mountpoint = self.directory / "disk"
        mountpoint.mkdir()
        volume.make_ext4(self._image, DISK_BYTES)
        volume.mount(self._image, mountpoint)
        self._store = mountpoint

    def _unmount_disk(self) -> None:
        """Leave the store where it was, for a look, on the disk of this machine."""
        kept = self.directory / "kept"
        shutil.copytree(self._store, kept, ignore=shutil.ignore_patterns("lost+found"))
        volume.unmount(self._store)
        shutil.copytree(kept, self._store, dirs_exist_ok=True)
        shutil.rmtree(kept)
        self._image.unlink()

    async def _configure(self) -> None:
        mqtt_port, url, look_up = self.broker.port, self.erp.url, self.erp.look_up
        if self._staging.is_networked:
            for proxy in (self.to_broker, self.to_erp):
                await proxy.open()
            mqtt_port = self.to_broker.port
            direct, passed_on = f":{self._erp_port}/", f":{self.to_erp.port}/"
            url, look_up = url.replace(direct, passed_on), look_up.replace(direct, passed_on)
        addresses = Addresses(
            opcua_port=self._plc_port,
            mqtt_port=mqtt_port,
            erp_url=url,
            erp_look_up=look_up,
            directory=self.directory,
            store=self._store,
        )
        text = configuration(addresses, store=self._staging.store)
        self.config.write_text(text, encoding="utf-8")

    async def _start_site(self) -> None:
        with (self.directory / "site.log").open("ab") as log:
            self._site = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "simulators.site"),
                *("--seed", str(self.seed), "--seconds", str(self._play_seconds)),
                *("--opcua-port", str(self._plc_port), "--mqtt-port", str(self.broker.port)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._listening = asyncio.create_task(self._listen(self._site))
        ready = asyncio.create_task(self.progress.is_ready.wait())
        await asyncio.wait(
            [ready, self._listening], timeout=30, return_when=asyncio.FIRST_COMPLETED
        )
        ready.cancel()
        if not self.progress.is_ready.is_set():
            raise StageFailed(f"the simulated site does not start; see {self.directory}/site.log")

    async def _listen(self, site: asyncio.subprocess.Process) -> None:
        assert site.stdout is not None
        async for line in site.stdout:
            match line.strip():
                case b"ready":
                    self.progress.is_ready.set()
                case b"done":
                    self.progress.is_done.set()
                case progress:
                    said = orjson.loads(progress)
                    self.progress.played = said["played"]
                    self.progress.of = said["of"]
                    self.progress.sent = said["sent"]

    async def _strike(self) -> None:
        """End every process that was started."""
        for process in (self._daemon, self._site):
            await _end(process)
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        for proxy in (self.to_broker, self.to_erp):
            await proxy.close()
        if self._store != self.directory:
            await asyncio.to_thread(self._unmount_disk)
        # How they end no longer matters: interrupted while it starts, none ends well.
        with contextlib.suppress(BrokerFailed):
            await asyncio.to_thread(self.broker.stop)
        with contextlib.suppress(ErpFailed):
            await asyncio.to_thread(self.erp.close)


def _hears(control: Control) -> bool:
    try:
        links = control.health().facts.links
    except NotRunning:
        return False
    return all(link.is_up for link in links if link.direction == "source")


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
