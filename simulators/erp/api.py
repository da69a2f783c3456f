"""The two faces of the ERP: milestones are posted to one, faults are ordered at the other."""

import asyncio
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.erp.book import Book, Outcome, Posting
from simulators.erp.faults import Dice, Fate, Faults
from simulators.erp.listener import Listener

HOLD_SECONDS = 60
"""How long a swallowed posting is held, should the client be more patient than that."""

# A string as RFC 8941, section 3.3.3, which is what the Idempotency-Key draft asks for.
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
REQUIRED = ("specversion", "id", "source", "type")
"""Attributes that a CloudEvent must have (CloudEvents 1.0, section 3.1)."""


class Malformed(Exception):
    """A posting that is not what this ERP takes; the message says why."""


class Erp:
    """An ERP with a book, its faults, and a tally of what was posted to it."""

    def __init__(self, book: Book, dice: Dice, port: int, control_port: int) -> None:
        self.faults = Faults()
        self._book = book
        self._dice = dice
        self._tally = Counter[str]()
        self._fates = Counter[str]()
        self._door = Listener(
            Starlette(
                routes=[
                    Route("/milestones", self._post, methods=["POST"]),
                    Route("/milestones/{key}", self._find, methods=["GET"]),
                ],
                exception_handlers={Malformed: _malformed, ClientDisconnect: _malformed},
            ),
            port,
        )
        self._control = Listener(
            Starlette(
                routes=[
                    Route("/state", self._tell, methods=["GET"]),
                    Route("/faults", self._misbehave, methods=["POST"]),
                ]
            ),
            control_port,
        )

    async def open(self) -> None:
        """Listen on both ports."""
        await self._door.open()
        await self._control.open()

    def close(self) -> None:
        """Stop listening, and drop every connection."""
        self._door.close()
        self._control.close()

    async def _post(self, request: Request) -> Response:
        self._tally["posts"] += 1
        faults, fate = self.faults, self._dice.throw(self.faults)
        posting = _posting(request, await request.body())
        if faults.delay_seconds:
            self._fates["delayed"] += 1
            await asyncio.sleep(faults.delay_seconds)
        if posting.key in faults.reject_keys or posting.subject in faults.reject_subjects:
            self._fates["rejected"] += 1
            return _problem(422, "refused", f"{posting.subject} cannot be posted in this period")
        if fate is not Fate.ANSWERED:
            self._fates[fate] += 1
        if fate is Fate.ERROR:
            return _problem(500, "internal", "the posting was not made")
        number, outcome = await self._book.enter(posting)
        if outcome is not Outcome.NEW:
            self._tally[outcome.value] += 1
        if fate is Fate.ERROR_AFTER_BOOKING:
            return _problem(500, "internal", "something failed")
        if fate is Fate.SWALLOWED:
            await _until_gone(request)
        if fate in {Fate.SWALLOWED, Fate.CUT}:
            assert request.client is not None
            self._door.cut((request.client.host, request.client.port))
        return _answer(number, outcome)

    async def _find(self, request: Request) -> Response:
        number = self._book.find(request.path_params["key"])
        if number is None:
            return _problem(404, "not-booked", "nothing is booked under this key")
        return JSONResponse({"receipt": _receipt(number)})

    async def _tell(self, _: Request) -> Response:
        return JSONResponse(
            {
                "mode": "down" if self.faults.down else "up",
                "bookings": len(self._book),
                "posts": self._tally["posts"],
                "repeats": self._tally[Outcome.REPEATED.value],
                "mismatches": self._tally[Outcome.DIFFERENT.value],
                "faults": dict(self._fates),
            }
        )

    async def _misbehave(self, request: Request) -> Response:
        try:
            self.faults = self.faults.changed(await request.json())
        except (ValidationError, ValueError, TypeError) as error:
            return _problem(400, "no-such-fault", str(error))
        if self.faults.down:
            self._door.close()
        else:
            await self._door.open()
        return JSONResponse(self.faults.model_dump(mode="json"))


def _posting(request: Request, body: bytes) -> Posting:
    quoted = QUOTED.fullmatch(request.headers.get("idempotency-key", ""))
    if quoted is None:
        raise Malformed('there must be an Idempotency-Key: "...", a quoted string')
    for name in REQUIRED:
        if not request.headers.get(f"ce-{name}"):
            raise Malformed(f"not a CloudEvent in binary mode: there is no ce-{name}")
    try:
        event: Any = json.loads(body)
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if not isinstance(event, dict) or not all(
        isinstance(event.get(name), str) for name in ("type", "eventTime")
    ):
        raise Malformed("the body is not an EPCIS event: it needs type and eventTime")
    return Posting(
        key=re.sub(r"\\(.)", r"\1", quoted[1]),
        type=unquote(request.headers["ce-type"]),
        subject=unquote(request.headers.get("ce-subject", "")),
        body=body,
    )


def _malformed(_: Request, error: Exception) -> Response:
    return _problem(400, "malformed", str(error))


def _answer(number: int, outcome: Outcome) -> Response:
    receipt = _receipt(number)
    if outcome is Outcome.NEW:
        return JSONResponse({"receipt": receipt}, 201)
    if outcome is Outcome.REPEATED:
        return _problem(409, "already-booked", f"already booked as {receipt}", receipt=receipt)
    return _problem(422, "key-reused", f"the key is booked as {receipt} with another body")


def _receipt(number: int) -> str:
    return f"ERP-{number:06d}"


def _problem(status: int, kind: str, detail: str, **members: str) -> Response:
    """Return a problem as RFC 9457 describes it."""
    problem = {"type": f"urn:erp:{kind}", "status": status, "detail": detail, **members}
    return JSONResponse(problem, status, media_type="application/problem+json")


async def _until_gone(request: Request) -> None:
    """Wait until the client has given up; its patience is ours, up to a limit."""
    try:
        async with asyncio.timeout(HOLD_SECONDS):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass  # The caller drops the connection.
