"""The processes of the demonstration: broker, simulated site, simulated ERP, and the daemon."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from edge.demo.daemon_process import DaemonProcess, StageFailed, end
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
        self.daemon = DaemonProcess(self.config, self.directory / "daemon.log")
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
        self.seed = seed
        self._play_seconds = play_seconds
        self._plc_port = free_port()
        self._site: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

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
                stage.daemon.environment.update(stage.clock.environment)
            if staging.has_own_disk:
                await asyncio.to_thread(stage._mount_disk)
            await stage._configure()
            await asyncio.to_thread(stage.broker.start)
            # All at once: a daemon waits for devices that are not there yet.
            await asyncio.gather(
                asyncio.to_thread(stage.erp.start), stage._start_site(), stage.daemon.start()
            )
            yield stage
        finally:
            await stage._strike()

    async def cut_power(self) -> None:
        """Lose what the store's disk has not synced, and the daemon; then have the disk back."""
        await asyncio.to_thread(volume.cut, self._store)
        await self.daemon.kill()
        await asyncio.to_thread(volume.unmount, self._store)
        await asyncio.to_thread(volume.mount, self._image, self._store)

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
        await self.daemon.stop()
        await end(self._site)
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
