"""Any JSON (RFC 8259): all that it means is said by the mapping."""

import orjson

from edge.milestones.decode.part import Malformed, Part

FIELDS = frozenset[str]()
LARGEST_BYTES = 1024 * 1024
"""Reading JSON takes up to 40 times its size; 16 MB of `[{},{}…` would take all our memory."""


def read(payload: bytes) -> list[Part]:
    """Return the payload as one part."""
    return [Part(parse(payload))]


def parse(payload: bytes) -> object:
    """Return the JSON value that the bytes are.

    Raises:
        Malformed: They are not JSON, or more than `LARGEST_BYTES`. NaN, infinities,
            invalid UTF-8 and more than 1024 levels are not; of two equal names the
            last one counts.

    """
    if len(payload) > LARGEST_BYTES:
        raise Malformed(f"{len(payload)} bytes; expected at most {LARGEST_BYTES}")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
