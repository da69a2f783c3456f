"""The daemon's side of the control socket: HTTP over a Unix socket."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.control import SUDO_USER_HEADER
from edge.control.decisions import Decisions, Impossible
from edge.control.health import Report
from edge.control.operations import DECISIONS, QUESTIONS, Decision, Question
from edge.control.questions import Questions
from edge.control.who import account, peer_uid


@dataclass(frozen=True, slots=True)
class Operations:
    """What can be asked of the daemon."""

    health: Callable[[], Awaitable[Report]]
    questions: Questions
    decisions: Decisions


class SocketUnusable(Exception):
    """The control socket cannot be made; the message says why and what to do."""


class _FromPeer(H11Protocol):
    """A connection whose client is the account at its other end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel who it is; what follows may be anything."""
        super().connection_made(transport)
        self.client = (str(peer_uid(transport.get_extra_info("socket"))), 0)


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
        http=_FromPeer,
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

    return Starlette(
        routes=[
            Route("/health", health),
            *(_question(operations.questions, question) for question in QUESTIONS),
            *(_decision(operations.decisions, decision) for decision in DECISIONS),
        ]
    )


def _question(questions: Questions, question: Question[Any, Any]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            asked = question.asked.model_validate_json(await request.body())
        except ValidationError as error:
            return _not_understood(error)
        return _json(await question.ask(questions, asked))

    return Route(question.path, answer, methods=["POST"])


def _decision(decisions: Decisions, decision: Decision[Any, Any]) -> Route:
    async def answer(request: Request) -> Response:
        assert request.client is not None  # see _FromPeer
        who = account(int(request.client.host), request.headers.get(SUDO_USER_HEADER))
        try:
            asked = decision.asked.model_validate_json(await request.body())
            return _json(await decision.decide(decisions, asked, who))
        except ValidationError as error:
            return _not_understood(error)
        except Impossible as error:
            return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.CONFLICT)

    return Route(decision.path, answer, methods=["POST"])


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")


def _not_understood(error: ValidationError) -> Response:
    return JSONResponse(
        {"detail": f"this request is not understood: {error}"},
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
