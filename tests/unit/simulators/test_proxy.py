"""The bad network: what it does to connections through it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from simulators.ports import HOST
from simulators.proxy import Proxy

PATIENCE_SECONDS = 0.2


class Echo:
    """A server that answers what it is told, and keeps it."""

    def __init__(self) -> None:
        self.heard = bytearray()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while said := await reader.read(1000):
                self.heard += said
                writer.write(said)
            writer.write(b"bye")
        except ConnectionResetError:
            self.heard += b"<reset>"
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest_asyncio.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, HOST, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, proxy: Proxy) -> "Client":
        return cls(*await asyncio.open_connection(proxy.host, proxy.port))

    def say(self, what: bytes) -> None:
        self.writer.write(what)

    async def hear(self) -> bytes:
        """Return what comes next; nothing at the end of the connection."""
        async with asyncio.timeout(10):
            return await self.reader.read(1000)

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another task changes what is asked for
            await asyncio.sleep(0.005)


async def test_without_faults_everything_passes_both_ways_to_the_end(
    proxy: Proxy, echo: Echo
) -> None:
    client = await Client.connect(proxy)
    client.say(b"hello")
    assert await client.hear() == b"hello"
    client.writer.write_eof()
    assert await client.hear() == b"bye"
    assert await client.hear() == b""
    assert echo.heard == b"hello"
    client.writer.close()


async def test_a_refused_connection_is_reset_and_one_that_stands_goes_on(proxy: Proxy) -> None:
    standing = await Client.connect(proxy)
    standing.say(b"1")
    assert await standing.hear() == b"1"
    with proxy.faulty(refused=True):
        refused = await Client.connect(proxy)
        with pytest.raises(ConnectionResetError):
            await refused.hear()
        standing.say(b"2")
        assert await standing.hear() == b"2"
    again = await Client.connect(proxy)
    again.say(b"3")
    assert await again.hear() == b"3"
    for each in (standing, refused, again):
        each.writer.close()


async def test_while_stalled_nothing_passes_and_then_everything(proxy: Proxy, echo: Echo) -> None:
    client = await Client.connect(proxy)
    with proxy.faulty(stalled=True):
        client.say(b"hello")
        assert await client.hears_nothing()
        assert echo.heard == b""
    assert await client.hear() == b"hello"
    client.writer.close()


async def test_a_delay_holds_up_each_piece_both_ways(proxy: Proxy) -> None:
    client = await Client.connect(proxy)
    loop = asyncio.get_running_loop()
    with proxy.faulty(delay_seconds=0.1):
        began = loop.time()
        client.say(b"hello")
        assert await client.hear() == b"hello"
        assert loop.time() - began >= 0.2
    client.writer.close()


async def test_a_request_whose_reply_is_lost_arrives_and_its_connection_stays_mute(
    proxy: Proxy, echo: Echo
) -> None:
    client = await Client.connect(proxy)
    with proxy.faulty(replies_lost=True):
        client.say(b"hello")
        await _until(lambda: echo.heard == b"hello")
        assert await client.hears_nothing()
    client.say(b" again")
    await _until(lambda: echo.heard == b"hello again")
    assert await client.hears_nothing()
    client.writer.close()
    after = await Client.connect(proxy)
    after.say(b"!")
    assert await after.hear() == b"!"
    after.writer.close()


async def test_a_connection_is_cut_after_exactly_so_many_bytes(proxy: Proxy, echo: Echo) -> None:
    client = await Client.connect(proxy)
    with proxy.faulty(cut_after_bytes=3):
        client.say(b"hello")
        with pytest.raises(ConnectionResetError):
            await client.hear()
    await _until(lambda: echo.heard.startswith(b"hel"))
    assert echo.heard.removesuffix(b"<reset>") == b"hel"
    client.writer.close()


async def test_cutting_resets_what_stands_and_lets_new_connections_pass(
    proxy: Proxy, echo: Echo
) -> None:
    client = await Client.connect(proxy)
    client.say(b"1")
    assert await client.hear() == b"1"
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await client.hear()
    await _until(lambda: echo.heard == b"1<reset>")
    after = await Client.connect(proxy)
    after.say(b"2")
    assert await after.hear() == b"2"
    for each in (client, after):
        each.writer.close()


async def test_a_server_that_is_not_there_resets_the_client(free_port: int) -> None:
    async with Proxy(free_port) as nowhere:
        client = await Client.connect(nowhere)
        with pytest.raises(ConnectionResetError):
            await client.hear()
        client.writer.close()


async def test_what_is_no_fault_is_refused(proxy: Proxy) -> None:
    with pytest.raises(TypeError, match="on_fire"):
        proxy.faults(on_fire=True)
