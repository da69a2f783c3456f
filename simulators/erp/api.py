"""The two faces of the ERP: milestones are posted to one, faults are ordered at the other."""

import asyncio
import math
import ssl
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.erp.access import Access, Doorkeeper
from simulators.erp.book import Book, Line, Outcome, Posting
from simulators.erp.faults import Dice, Fate, Faults, Pace
from simulators.erp.listener import Listener
from simulators.erp.postings import Malformed, Refused, is_batch, read_batch, read_one

HOLD_SECONDS = 60
"""How long a swallowed posting is held, should the client be more patient than that."""

Told = dict[str, Any]
"""What is answered to an event: a status, and words."""


class Erp:
    """An ERP with a book, its faults, and a tally of what was posted to it."""

    def __init__(
        self,
        book: Book,
        dice: Dice,
        port: int,
        control_port: int,
        encryption: ssl.SSLContext | None = None,
    ) -> None:
        self.faults = Faults()
        self._doorkeeper = Doorkeeper(Access())
        self._book = book
        self._dice = dice
        self._pace = Pace()
        self._under_way = 0
        self._tally = Counter[str]()
        self._fates = Counter[str]()
        self._door = Listener(
            Starlette(
                routes=[
                    Route("/milestones", self._post, methods=["POST"]),
                    Route("/milestones/{key}", self._find, methods=["GET"]),
                    Route("/token", self._issue, methods=["POST"]),
                ],
                exception_handlers={Malformed: _malformed, ClientDisconnect: _malformed},
            ),
            port,
            encryption,
        )
        self._control = Listener(
            Starlette(
                routes=[
                    Route("/state", self._tell, methods=["GET"]),
                    Route("/faults", self._misbehave, methods=["POST"]),
                    Route("/access", self._let_in, methods=["POST"]),
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
        body = await request.body()
        if (refusal := self._refusal(request, body)) is not None:
            return refusal
        self._under_way += 1
        try:
            return await self._deal_with(request, body)
        finally:
            self._under_way -= 1

    def _refusal(self, request: Request, body: bytes) -> Response | None:
        """Return what is answered to a request that is not even looked at."""
        faults = self.faults
        if (why := self._doorkeeper.refuses(request.headers, body)) is not None:
            self._fates["not let in"] += 1
            return _problem(401, "who-are-you", why)
        now = asyncio.get_running_loop().time()
        if wait := self._pace.seconds_over(faults.requests_per_second, now):
            self._fates["overloaded"] += 1
            answer = _problem(429, "overloaded", "too many requests")
            answer.headers["retry-after"] = str(math.ceil(wait))
            return answer
        if faults.max_bytes is not None and len(body) > faults.max_bytes:
            self._fates["too large"] += 1
            return _problem(413, "too-large", f"no more than {faults.max_bytes} bytes")
        return None

    async def _deal_with(self, request: Request, body: bytes) -> Response:
        faults, fate = self.faults, self._dice.throw(self.faults)
        several = is_batch(request.headers)
        asked = read_batch(body) if several else [read_one(request.headers, body)]
        delay = faults.delay_seconds + faults.crowd_delay_seconds * (self._under_way - 1)
        if delay:
            self._fates["delayed"] += 1
            await asyncio.sleep(delay)
        refusals = [self._refused(each, faults) for each in asked]
        if fate is not Fate.ANSWERED and not all(refusals):
            self._fates[fate.value] += 1
        else:
            fate = Fate.ANSWERED
        if fate is Fate.ERROR:
            return _problem(500, "internal", "the posting was not made")
        if several and faults.all_or_nothing and any(refusals):
            return _problem(422, "refused", "something in this batch cannot be posted")
        told = await self._enter(asked, refusals)
        if fate is Fate.ERROR_AFTER_BOOKING:
            return _problem(500, "internal", "something failed")
        if fate is Fate.SWALLOWED:
            await _until_gone(request)
        if fate in {Fate.SWALLOWED, Fate.CUT}:
            assert request.client is not None
            self._door.cut((request.client.host, request.client.port))
        if not several:
            return _answer(told[0])
        keys = (each.key for each in asked)
        return _json(
            {"results": [{"id": key, **each} for key, each in zip(keys, told, strict=True)]}
        )

    def _refused(self, asked: Posting | Refused, faults: Faults) -> Told | None:
        if isinstance(asked, Refused):
            return _told(400, "malformed", asked.why)
        if asked.key in faults.reject_keys or asked.subject in faults.reject_subjects:
            self._fates["rejected"] += 1
            return _told(422, "refused", f"{asked.subject} cannot be posted in this period")
        return None

    async def _enter(
        self, asked: Sequence[Posting | Refused], refusals: Sequence[Told | None]
    ) -> list[Told]:
        postings = [
            each
            for each, refusal in zip(asked, refusals, strict=True)
            if refusal is None and isinstance(each, Posting)
        ]
        lines = await self._book.enter(postings) if postings else []
        self._tally.update(line.outcome.value for line in lines)
        booked = iter(lines)
        return [_of_line(next(booked)) if refusal is None else refusal for refusal in refusals]

    async def _find(self, request: Request) -> Response:
        if (why := self._doorkeeper.refuses(request.headers, b"")) is not None:
            return _problem(401, "who-are-you", why)
        number = self._book.find(request.path_params["key"])
        if number is None:
            return _problem(404, "not-booked", "nothing is booked under this key")
        return _json({"receipt": _receipt(number)})

    async def _issue(self, request: Request) -> Response:
        self._tally["tokens"] += 1
        status, told = self._doorkeeper.issue(request.headers, await request.body())
        return _json(told, status)

    async def _tell(self, _: Request) -> Response:
        return _json(
            {
                "mode": "down" if self.faults.down else "up",
                "bookings": len(self._book),
                "posts": self._tally["posts"],
                "tokens": self._tally["tokens"],
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
        return _json(self.faults.model_dump(mode="json"))

    async def _let_in(self, request: Request) -> Response:
        try:
            self._doorkeeper = Doorkeeper(Access.model_validate_json(await request.body()))
        except ValidationError as error:
            return _problem(400, "no-such-access", str(error))
        return _json({})


def _malformed(_: Request, error: Exception) -> Response:
    return _problem(400, "malformed", str(error))


def _of_line(line: Line) -> Told:
    receipt = _receipt(line.number)
    if line.outcome is Outcome.NEW:
        return {"status": 201, "receipt": receipt}
    if line.outcome is Outcome.REPEATED:
        return _told(409, "already-booked", f"already booked as {receipt}", receipt=receipt)
    return _told(422, "key-reused", f"the key is booked as {receipt} with another body")


def _answer(told: Told) -> Response:
    """Answer one event alone with what was told of it."""
    if "type" in told:
        return _json(told, told["status"], "application/problem+json")
    return _json({"receipt": told["receipt"]}, told["status"])


def _receipt(number: int) -> str:
    return f"ERP-{number:06d}"


def _problem(status: int, kind: str, detail: str) -> Response:
    return _answer(_told(status, kind, detail))


def _told(status: int, kind: str, detail: str, **members: str) -> Told:
    """Return a problem as RFC 9457 describes it."""
    return {"type": f"urn:erp:{kind}", "status": status, "detail": detail, **members}


def _json(told: Told, status: int = 200, kind: str = "application/json") -> Response:
    return Response(orjson.dumps(told), status, media_type=kind)


async def _until_gone(request: Request) -> None:
    """Wait until the client has given up; its patience is ours, up to a limit."""
    try:
        async with asyncio.timeout(HOLD_SECONDS):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass  # The caller drops the connection.
