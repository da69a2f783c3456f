"""A port that can refuse connections and drop those that stand, as a process that died would."""

import asyncio
import ssl

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HOST = "127.0.0.1"


class Listener:
    """Serves one application on one loopback port, whenever it is open.

    uvicorn.Server is not used: it lets requests finish, and a dead ERP does not.
    """

    def __init__(
        self, application: Starlette, port: int, encryption: ssl.SSLContext | None = None
    ) -> None:
        self._port = port
        self._encryption = encryption
        self._config = uvicorn.Config(application, log_config=None, lifespan="off", ws="none")
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Accept connections. Does nothing if it does already.

        Raises:
            OSError: The port is in use.

        """
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: H11Protocol(self._config, self._state, {}),
                HOST,
                self._port,
                backlog=1024,
                ssl=self._encryption,
            )

    def close(self) -> None:
        """Refuse connections from now on, and drop those that stand, answered or not."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._state.connections):
            connection.transport.abort()

    def cut(self, client: tuple[str, int]) -> None:
        """Drop the connection of the client at that address, if it stands."""
        for connection in tuple(self._state.connections):
            if isinstance(connection, H11Protocol) and connection.client == client:
                connection.transport.abort()
