"""Any JSON (RFC 8259): all that it means is said by the mapping."""

import orjson

from edge.milestones.decode.part import Malformed, Part


def read(payload: bytes) -> list[Part]:
    """Return the payload as one part."""
    return [Part(parse(payload))]


def parse(payload: bytes) -> object:
    """Return the JSON value that the bytes are.

    Raises:
        Malformed: They are not JSON. NaN, infinities, invalid UTF-8 and more
            than 1024 levels are not; of two equal names the last one counts.

    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
