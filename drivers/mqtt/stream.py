"""An asyncio connection, with the few methods of a socket that paho calls."""

import asyncio
from collections.abc import Callable
from typing import cast

from drivers.mqtt import reasons

READ_BYTES = 32 * 1024
"""One read is one batch: enough for hundreds of messages, handled within milliseconds."""


class Stream(asyncio.BufferedProtocol):
    """One connection. `received` is given what each read yields, `lost` why it is over."""

    def __init__(self, received: Callable[[memoryview], None], lost: Callable[[str], None]) -> None:
        self._received = received
        self._lost = lost
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._offered = b""
        self._loop = asyncio.get_running_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._is_encrypted = False
        self.heard_at = 0.0
        """When bytes last came, in the loop's time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._is_encrypted = transport.get_extra_info("ssl_object") is not None
        self.heard_at = self._loop.time()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Offer the whole buffer: what was in it has been taken."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what has come."""
        self.heard_at = self._loop.time()
        self._received(self._buffer[:nbytes])

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell why the connection is over."""
        self._lost(reasons.connection_lost(exc, is_encrypted=self._is_encrypted))
        self._closed.set_result(None)

    def pause(self) -> None:
        """Read no more until `resume`: the broker has to wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_closing():
            self.heard_at = self._loop.time()
            self._transport.resume_reading()

    def offer(self, packet: bytes) -> None:
        """Have paho read these bytes next."""
        self._offered += packet

    async def finish(self, seconds: float) -> None:
        """Close, and return when it is closed: what cannot be sent in time is given up."""
        if self._transport is None:
            return
        self._transport.close()
        await asyncio.wait((self._closed,), timeout=seconds)
        self._transport.abort()
        await self._closed

    # What paho calls.

    def recv(self, buffer_size: int) -> bytes:
        """Return up to `buffer_size` bytes of what was offered."""
        if not self._offered:
            raise BlockingIOError
        taken, self._offered = self._offered[:buffer_size], self._offered[buffer_size:]
        return taken

    def send(self, buffer: bytes | bytearray) -> int:
        """Take all of it; the transport sends later what the network does not take at once."""
        assert self._transport is not None
        self._transport.write(buffer)
        return len(buffer)

    def close(self) -> None:
        """Send what is left and close."""
        if self._transport is not None:
            self._transport.close()

    def fileno(self) -> int:
        """Return no descriptor: the loop owns it."""
        return -1

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - paho's signature
        """Do nothing: it never blocks."""
