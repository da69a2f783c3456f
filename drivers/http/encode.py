"""From an entry to a request: CloudEvents 1.0, HTTP protocol binding, binary mode.

The body is the entry's body, byte for byte. Nothing here depends on the
attempt: each one sends the same.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from drivers.contract import Entry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# All that need not be percent-encoded in a header's value (HTTP binding, section 3.1.3.2).
PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def headers(entry: Entry) -> dict[str, str]:
    """Return the headers that carry the event's attributes and its idempotency key."""
    attributes = {
        "specversion": "1.0",
        "id": entry.id,
        "source": entry.site,
        "type": f"milepost.milestone.{entry.name}.v1",
        "subject": entry.key,
        "time": _rfc3339(entry.occurred_at),
    }
    return {
        "content-type": "application/json",
        # A string of structured fields (RFC 8941, section 3.3.3): with the quotes.
        "idempotency-key": f'"{entry.id}"',
        **{f"ce-{name}": quote(value, safe=PLAIN) for name, value in attributes.items()},
    }


def _rfc3339(time: int) -> str:
    # Added as whole milliseconds: a float of seconds would round some of them.
    moment = EPOCH + timedelta(milliseconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
