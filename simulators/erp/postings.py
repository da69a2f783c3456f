"""What is posted: CloudEvents over HTTP, one in binary mode or several in batched mode."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from simulators.erp.book import Posting

BATCH = "application/cloudevents-batch+json"
# A string as RFC 8941, section 3.3.3, which is what the Idempotency-Key draft asks for.
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
RETRACTS = "milepostretracts"
"""The extension that names, by its id, the event to be taken back."""
REQUIRED = ("specversion", "id", "source", "type")
"""Attributes that a CloudEvent must have (CloudEvents 1.0, section 3.1)."""


class Malformed(Exception):
    """A posting that is not what this ERP takes; the message says why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of a batch that is not what this ERP takes."""

    key: str
    why: str


def is_batch(headers: Mapping[str, str]) -> bool:
    """Tell whether several events are posted."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == BATCH


def read_one(headers: Mapping[str, str], body: bytes) -> Posting:
    """Read a posting in binary mode.

    Raises:
        Malformed: It is none.

    """
    quoted = QUOTED.fullmatch(headers.get("idempotency-key", ""))
    if quoted is None:
        raise Malformed('there must be an Idempotency-Key: "...", a quoted string')
    for name in REQUIRED:
        if not headers.get(f"ce-{name}"):
            raise Malformed(f"not a CloudEvent in binary mode: there is no ce-{name}")
    try:
        _check_event(orjson.loads(body))
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    return Posting(
        key=re.sub(r"\\(.)", r"\1", quoted[1]),
        type=unquote(headers["ce-type"]),
        subject=unquote(headers.get("ce-subject", "")),
        body=body,
        retracts=headers.get(f"ce-{RETRACTS}"),
    )


def read_batch(body: bytes) -> list[Posting | Refused]:
    """Read the events of a batch, in their order; the key of each is its id.

    What is booked of each is its data as compact JSON.

    Raises:
        Malformed: It is no batch.

    """
    try:
        events = orjson.loads(body)
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Malformed("the body is not a JSON array of CloudEvents")
    return [_read_event(event) for event in events]


def _read_event(event: dict[str, Any]) -> Posting | Refused:
    for name in REQUIRED:
        if type(event.get(name)) is not str:
            return Refused(str(event.get("id")), f"not a CloudEvent: there is no {name}")
    data = event.get("data")
    try:
        _check_event(data)
    except Malformed as error:
        return Refused(event["id"], str(error))
    subject, retracts = event.get("subject", ""), event.get(RETRACTS)
    return Posting(event["id"], event["type"], subject, orjson.dumps(data), retracts)


def _check_event(event: Any) -> None:
    if (
        type(event) is not dict
        or type(event.get("type")) is not str
        or type(event.get("eventTime")) is not str
    ):
        raise Malformed("the body is not an EPCIS event: it needs type and eventTime")
