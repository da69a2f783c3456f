"""The gateway's side in tests of the OPC UA driver: a source at work, and what it hands in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Self

import orjson

from drivers.contract import Batch, Gap, Intake, Link, Signal, system_clock
from drivers.opcua.settings import OpcUaSettings
from drivers.opcua.source import OpcUaSource

_PATIENCE_SECONDS = 20.0


class Recorder(Intake):
    """An intake that keeps what is committed; it can be made to wait."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.committed_bookmarks: dict[str, bytes] = {}
        self.offered = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.seconds = 0.0

    async def bookmarks(self) -> dict[str, bytes]:
        return dict(self.committed_bookmarks)

    async def commit(self, batch: Batch) -> None:
        self.offered += 1
        await self.is_open.wait()
        await asyncio.sleep(self.seconds)
        self.batches.append(batch)
        for name, value in batch.bookmarks.items():
            assert value is not None
            self.committed_bookmarks[name] = value

    @property
    def signals(self) -> list[Signal]:
        return [signal for batch in self.batches for signal in batch.signals]

    @property
    def gaps(self) -> list[Gap]:
        return [gap for batch in self.batches for gap in batch.gaps]

    def payloads(self, subject: str) -> list[bytes]:
        return [signal.payload for signal in self.signals if signal.subject == subject]

    def numbers(self, subject: str) -> list[int]:
        """Return the numbers of the records committed, in order."""
        return [orjson.loads(payload)["n"] for payload in self.payloads(subject)]


def settings_of(endpoint: str, **rest: object) -> OpcUaSettings:
    """Return settings that lose patience sooner than a site's would."""
    return OpcUaSettings.model_validate(
        {
            "endpoint": endpoint,
            "timeout_seconds": 1,
            "publishing_interval_milliseconds": 20,
            **rest,
        }
    )


def listed(*variables: str) -> list[dict[str, object]]:
    """Return the settings of variables."""
    return [{"name": name, "node": f"ns=2;s={name}"} for name in variables]


class Wire:
    """A TCP connection's way through a box that can go silent or cut it."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener: asyncio.Server
        self._writers: list[asyncio.StreamWriter] = []
        self._flows = asyncio.Event()
        self._flows.set()
        self.endpoint = ""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.endpoint = f"opc.tcp://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self._flows.set()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    def silence(self) -> None:
        """Swallow what both sides say; the connections stay."""
        self._flows.clear()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers += [writer, back]
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
        writer.close()


class Running:
    """A source at work."""

    def __init__(self, settings: OpcUaSettings, intake: Intake) -> None:
        self.link = Link("plc", system_clock)
        self.task = asyncio.create_task(
            OpcUaSource(settings, system_clock).run(intake, self.link), name="source"
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the condition; fail if the source ends before."""
        await until(lambda: self.task.done() or condition())
        if self.task.done():
            await self.task
            raise AssertionError("the source ended without an exception")

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@contextlib.asynccontextmanager
async def running(settings: OpcUaSettings, intake: Intake) -> AsyncIterator[Running]:
    """Run a source until the end of the block."""
    source = Running(settings, intake)
    try:
        yield source
    finally:
        source.task.cancel()
        await asyncio.gather(source.task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is set by others
            await asyncio.sleep(0.005)
