"""The daemon's side of the control socket: HTTP over a Unix socket."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.control import NO_DEAD_LETTER
from edge.control.health import Report


@dataclass(frozen=True, slots=True)
class Operations:
    """What can be asked of the daemon."""

    health: Callable[[], Awaitable[Report]]
    retry: Callable[[int], Awaitable[bool]]
    """Send a dead letter again; False if the entry is no dead letter."""
    discard: Callable[[int, str], Awaitable[bool]]
    """Give up a dead letter, with a reason; False if the entry is no dead letter."""


class SocketUnusable(Exception):
    """The control socket cannot be made; the message says why and what to do."""


class _Server(uvicorn.Server):
    """A server inside a daemon that handles signals itself."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        try:
            await super().startup(sockets)
        except OSError as error:
            raise SocketUnusable(
                f"{self.config.uds}: cannot listen there ({error.strerror or error}); "
                "check [control] socket, and who may write to its directory"
            ) from error
        self._ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the daemon."""
        yield


async def serve(operations: Operations, path: Path, ready: asyncio.Event) -> None:
    """Serve on a Unix socket at `path` until cancelled; `ready` is set when it answers.

    Raises:
        SocketUnusable: The socket cannot be made there, or another daemon answers on it.

    """
    if _answers(path):
        raise SocketUnusable(
            f"{path}: another milepost answers there; give each a [control] socket of its own"
        )
    config = uvicorn.Config(
        _application(operations),
        uds=str(path),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, ready)
    task = asyncio.create_task(server.serve(), name="control")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait([task])
        raise


def _answers(path: Path) -> bool:
    """Tell whether somebody listens on the socket; one that a dead daemon left is replaced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _application(operations: Operations) -> Starlette:
    async def health(_: Request) -> Response:
        report = await operations.health()
        return Response(report.model_dump_json(), media_type="application/json")

    async def retry(request: Request) -> Response:
        return _done(await operations.retry(request.path_params["entry"]))

    async def discard(request: Request) -> Response:
        reason = request.query_params.get("reason", "").strip()
        if not reason:
            return JSONResponse({"detail": "a reason is needed"}, status_code=422)
        return _done(await operations.discard(request.path_params["entry"], reason))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/outbox/{entry:int}/retry", retry, methods=["POST"]),
            Route("/outbox/{entry:int}/discard", discard, methods=["POST"]),
        ]
    )


def _done(found: bool) -> Response:  # noqa: FBT001 - a result, passed on
    if found:
        return JSONResponse({})
    return JSONResponse({"detail": NO_DEAD_LETTER}, status_code=404)
