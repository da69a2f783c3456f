"""From entries to a request: CloudEvents 1.0, HTTP protocol binding.

One entry goes in binary mode, several in batched mode. The entry's body is
sent byte for byte, and nothing depends on the attempt: each one sends the same.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import quote

import orjson

from drivers.contract import Entry

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, as the Z that follows says
# All that need not be percent-encoded in a header's value (HTTP binding, section 3.1.3.2).
PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
BATCH = "application/cloudevents-batch+json; charset=utf-8"


def headers(entry: Entry) -> dict[str, str]:
    """Return the headers that carry the event's attributes and its idempotency key."""
    return {
        "content-type": "application/json",
        # A string of structured fields (RFC 8941, section 3.3.3): with the quotes.
        "idempotency-key": f'"{entry.id}"',
        **{f"ce-{name}": quote(value, safe=PLAIN) for name, value in _attributes(entry).items()},
    }


def batch(entries: Sequence[Entry]) -> bytes:
    """Return the entries as a JSON array of events; the key of each is its id.

    HTTP binding, section 3.3; JSON format, section 4.
    """
    return orjson.dumps(
        [
            {
                **_attributes(entry),
                "datacontenttype": "application/json",
                "data": orjson.Fragment(entry.body),
            }
            for entry in entries
        ]
    )


def message_id(entries: Sequence[Entry]) -> str:
    """Return what names a request: the entry's id, or a digest of the ids of several."""
    if len(entries) == 1:
        return entries[0].id
    return hashlib.sha256("".join(entry.id for entry in entries).encode()).hexdigest()[:32]


def _attributes(entry: Entry) -> dict[str, str]:
    # An extension's name has lower-case letters and digits only (CloudEvents 1.0, section 3.1).
    reversing = {} if entry.retracts is None else {"milepostretracts": entry.retracts}
    return {
        "specversion": "1.0",
        "id": entry.id,
        "source": entry.site,
        "type": f"milepost.milestone.{entry.name}.v1",
        "subject": entry.key,
        "time": _rfc3339(entry.occurred_at),
        **reversing,
    }


def _rfc3339(time: int) -> str:
    # Whole milliseconds apart: a float of seconds would round some of them.
    seconds, milliseconds = divmod(time, 1000)
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache
def _second(seconds: int) -> str:
    """Return it without a zone; most entries of a batch share it with others."""
    return (EPOCH + timedelta(seconds=seconds)).isoformat()
