"""Identifiers as an event writes them: GS1 Digital Link URIs, or the site's own.

An SSCC or a GTIN is recognised by its length and check digit (GS1 General
Specifications, section 7.9). Restricted circulation numbers look like GTINs but
mean something at one company only (section 2.1.11): those are the site's own.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gtin import Gtin
from biip.rcn import Rcn

from edge.milestones.site import is_uri

_GS1 = "https://id.gs1.org"
_SSCC = re.compile("[0-9]{18}")
_GTIN = re.compile("[0-9]{8}|[0-9]{12,14}")


def unit_uri(value: str, prefix: str, what: str = "unit") -> str:
    """Return the URI of one thing: its SSCC, where it is one, or <prefix>/<what>/<value>."""
    if _SSCC.fullmatch(value) and gs1_standard_check_digit(value[:-1]) == int(value[-1]):
        return f"{_GS1}/00/{value}"
    return own_uri(value, prefix, what)


def item_uri(value: str, prefix: str) -> str:
    """Return the URI of a kind of thing: its GTIN, where it is one, or <prefix>/item/<value>."""
    return gtin_uri(value) or own_uri(value, prefix, "item")


# The items of a site repeat, and recognising one takes biip 30 µs.
@lru_cache(maxsize=4096)
def gtin_uri(value: str) -> str | None:
    """Return the URI of a GTIN-8, -12, -13 or -14 as 14 digits; None if it is none."""
    if not _GTIN.fullmatch(value):
        return None
    try:
        gtin = Gtin.parse(value)
    except ParseError:
        return None
    # Without a prefix, GS1 has not issued it: a short number of the site's own.
    if isinstance(gtin, Rcn) or gtin.prefix is None:
        return None
    return f"{_GS1}/01/{gtin.as_gtin_14()}"


def own_uri(value: str, prefix: str, what: str) -> str:
    """Return a URI as it is, and any other value as the site's: <prefix>/<what>/<value>."""
    return value if is_uri(value) else f"{prefix}/{what}/{quote(value, safe='')}"
