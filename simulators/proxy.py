"""A bad network: a TCP proxy on this machine that can delay, stall, lose answers and cut."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from simulators.ports import HOST

PIECE = 64 * 1024
"""At most so many bytes are passed on at once."""

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, and nothing more of what was written."""


@dataclass(frozen=True, slots=True)
class NetworkFaults:
    """What is wrong with the network at present. At first, nothing."""

    refused: bool = False
    """New connections are reset; those that stand go on."""
    delay_seconds: float = 0.0
    """A pause before each piece that is passed on, either way."""
    stalled: bool = False
    """Nothing passes, and connections stand; what waits passes when this is over."""
    replies_lost: bool = False
    """Requests arrive and take effect; their answers are lost.

    So is everything after them on the same connection, which stands until the client
    gives it up.
    """
    cut_after_bytes: int | None = None
    """A connection is reset when so many bytes of its client have been passed on."""


class Proxy:
    """Passes connections on to a server of this machine. Use from one event loop."""

    def __init__(self, server_port: int, *, host: str = HOST, port: int = 0) -> None:
        """Listen on `host` and `port` (0: any free one) for the server on `server_port`."""
        self.host = host
        self.port = port
        """Where it listens; known once it is open."""
        self._server_port = server_port
        self._faults = NetworkFaults()
        self._flows = asyncio.Event()
        self._flows.set()
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Accept connections.

        Raises:
            OSError: The address cannot be listened on.

        """
        self._listener = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Accept no more, and reset the connections that stand."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self.cut()

    async def cut(self) -> None:
        """Reset the connections that stand."""
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections)

    def faults(self, **changes: Any) -> NetworkFaults:
        """Change what is wrong, for connections that stand, too; return what is in force.

        Raises:
            TypeError: `NetworkFaults` has no such field.

        """
        self._faults = replace(self._faults, **changes)
        if self._faults.stalled:
            self._flows.clear()
        else:
            self._flows.set()
        return self._faults

    @contextlib.contextmanager
    def faulty(self, **changes: Any) -> Iterator[None]:
        """Put faults in force for the duration of a with block."""
        before = self._faults
        self.faults(**changes)
        try:
            yield
        finally:
            self.faults(**{name: getattr(before, name) for name in changes})

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until both sides have ended it, or either has broken it."""
        writers = [writer]
        has_ended = False
        try:
            if not self._faults.refused:
                answers, requests = await asyncio.open_connection(HOST, self._server_port)
                writers.append(requests)
                gone = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass_requests(reader, requests, gone))
                    group.create_task(self._pass_answers(answers, writer, gone))
                has_ended = True
        except* OSError:
            pass  # what one side has broken is broken for the other, too
        finally:
            for each in writers:
                if not has_ended and not each.is_closing():
                    _reset(each)
                each.close()

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        passed = 0
        while piece := await reader.read(PIECE):
            await self._hold_up()
            limit = self._faults.cut_after_bytes
            if limit is not None:
                piece = piece[: max(limit - passed, 0)]
            writer.write(piece)
            await writer.drain()
            passed += len(piece)
            if limit is not None and passed >= limit:
                writer.close()  # by the book, so that it gets what was passed on
                raise _Cut
        writer.write_eof()
        gone.set()

    async def _pass_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        is_lost = False
        while piece := await reader.read(PIECE):
            await self._hold_up()
            is_lost = is_lost or self._faults.replies_lost
            if not is_lost:
                writer.write(piece)
                await writer.drain()
        if is_lost:
            await gone.wait()  # that the server has ended it is lost, too
        else:
            writer.write_eof()

    async def _hold_up(self) -> None:
        if self._faults.delay_seconds:
            await asyncio.sleep(self._faults.delay_seconds)
        await self._flows.wait()


class _Cut(OSError):
    """A connection that ends because the faults in force say so."""


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
