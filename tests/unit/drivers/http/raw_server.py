"""A server that answers whatever a test wants, and a sink that is pointed at it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import drivers
from drivers.contract import Clock, Divide, Entry, Sink, Verdict, system_clock
from drivers.http.settings import HttpSettings

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A TCP server on the loopback interface that reads HTTP requests and answers by `reply`.

    The connection is closed when `reply` has returned, unless `keep_alive`.
    """

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.shown: list[Any] = []
        """Certificates that clients showed, one for each connection that showed any."""
        self.handlers: list[asyncio.Task[None]] = []
        self.asked = asyncio.Event()
        """Set when there is a request."""
        self.dropped = asyncio.Event()
        """Set whenever a client has closed its connection."""
        self.keep_alive = False
        self.reads_bodies = True
        self.scheme = "http"
        self.port = 0
        self.reply: Reply = self.says(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/milestones"

    @staticmethod
    def says(answer: bytes) -> Reply:
        async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)

        return reply

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.shown += filter(None, [writer.get_extra_info("peercert")])
        this = asyncio.current_task()
        assert this is not None
        self.handlers.append(this)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _length(head) if self.reads_bodies else 0
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                await self.reply(reader, writer)
                await writer.drain()
                if not self.keep_alive:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.dropped.set()
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    raw = RawServer()
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    raw.scheme = "https" if tls else "http"
    try:
        yield raw
    finally:
        server.close()
        for handler in raw.handlers:
            handler.cancel()
        await asyncio.gather(*raw.handlers, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_sink(
    url: str, clock: Clock = system_clock, /, **settings: object
) -> AsyncIterator[Sink]:
    driver = drivers.find("http")
    assert driver.open_sink is not None
    patience = {"timeout_seconds": 0.2, "connect_timeout_seconds": 0.2}
    given = HttpSettings.model_validate({"url": url, **patience, **settings})
    sink = driver.open_sink(given, clock)
    try:
        yield sink
    finally:
        await sink.close()


async def deliver_one(sink: Sink, entry: Entry) -> Verdict:
    verdicts = await sink.deliver([entry])
    assert not isinstance(verdicts, Divide)
    (verdict,) = verdicts
    return verdict
