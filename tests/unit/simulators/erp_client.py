"""A client of the simulated ERP, and what is in its book."""

import json
import time

import httpx

from simulators.erp import Booking
from simulators.erp_process import ErpProcess

BODY = json.dumps({"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.000Z"}).encode()


def headers_of(key: str, subject: str = "unit:1") -> dict[str, str]:
    return {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": key,
        "ce-source": "https://dc.example",
        "ce-type": "milepost.milestone.stored.v1",
        "ce-subject": subject,
        "idempotency-key": f'"{key}"',
    }


def post(
    erp: ErpProcess,
    key: str = "a1",
    *,
    body: bytes = BODY,
    drop: str = "",
    subject: str = "unit:1",
    retracts: str | None = None,
    patience: float = 10,
) -> httpx.Response:
    headers = headers_of(key, subject)
    if retracts is not None:
        headers["ce-milepostretracts"] = retracts
    headers.pop(drop, None)
    # Plain HTTP; loading certificates that nobody asks for would take most of the time.
    return httpx.post(erp.url, headers=headers, content=body, timeout=patience, verify=False)


def lines(erp: ErpProcess, *keys: str) -> list[Booking]:
    return [line for line in erp.book() if line.key in keys]


def wait_until_booked(erp: ErpProcess, key: str) -> None:
    deadline = time.monotonic() + 30
    while not lines(erp, key):
        assert time.monotonic() < deadline, f"{key} was not booked"
        time.sleep(0.01)
