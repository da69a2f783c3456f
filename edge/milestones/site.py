"""The site that events come from, and what identifies things there."""

import re
from dataclasses import dataclass

_OFFSET = re.compile("[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
# RFC 3986, section 2; only schemes that identify things at GS1 or at the site.
_URI = re.compile(r"(?:https?://|urn:)(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def is_uri(value: str) -> bool:
    """Tell whether the value identifies something as it is: an http(s) or urn URI."""
    return _URI.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Site:
    """The site that events come from.

    Raises:
        ValueError: Events with this URI or offset would not be EPCIS.

    """

    uri: str
    """Prefix of identifiers that GS1 does not issue, e.g. "https://dc-north.example"."""
    zone_offset: str = "+00:00"
    """Offset of the local time from UTC, told beside the time, which is UTC."""

    def __post_init__(self) -> None:
        if not is_uri(self.uri):
            raise ValueError(f"{self.uri!r} is no URI; expected one like 'https://dc.example'")
        if not _OFFSET.fullmatch(self.zone_offset):
            raise ValueError(f"{self.zone_offset!r} is no offset; expected one like '+01:00'")
