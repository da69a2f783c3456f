"""One spelling for each GS1 identifier: its canonical, constrained Digital Link URI.

GS1, CBV 2.0, section 8.9.2: an EPC is hashed as the Digital Link of GS1's own
domain, with the finest key alone, whichever way an event spells it. The
schemes are those of the EPC Tag Data Standard; keys and key qualifiers those
of "GS1 Digital Link: URI Syntax" 1.2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from biip.checksums import gs1_standard_check_digit

_DOMAIN = "https://id.gs1.org"
_URN = re.compile("urn:epc:(?:id|class|idpat):([a-z]+):(.+)", re.ASCII)
_WEB = re.compile(r"https?://[^/?#]+/([^?#]*)", re.ASCII)
_COMPANY_PREFIX = re.compile("[0-9]{6,12}")

# What a Digital Link percent-encodes and an EPC's URN need not.
_ENCODED = str.maketrans({mark: f"%{ord(mark):02X}" for mark in "!()*+,:"})


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How a URN of this scheme becomes a Digital Link."""

    key: str
    """Application identifier."""
    digits: int | None
    """Of the key, without its check digit; None if it is text as it stands."""
    serial: str | None = None
    """What stands before the serial number: "" if it is part of the key, None if there is none."""
    has_indicator: bool = False
    """The reference begins with the digit that stands before the company prefix."""
    pieces: int = 0
    """Parts between the reference and the serial number that are part of the key."""


_SCHEMES = {
    "sgtin": _Scheme("01", 13, "/21/", has_indicator=True),
    "lgtin": _Scheme("01", 13, "/10/", has_indicator=True),
    "upui": _Scheme("01", 13, "/235/", has_indicator=True),
    "itip": _Scheme("8006", 13, "/21/", has_indicator=True, pieces=2),
    "sscc": _Scheme("00", 17, has_indicator=True),
    "sgln": _Scheme("414", 12, "/254/"),
    "pgln": _Scheme("417", 12),
    "grai": _Scheme("8003", 12, ""),
    "gdti": _Scheme("253", 12, ""),
    "sgcn": _Scheme("255", 12, ""),
    "gsrn": _Scheme("8018", 17),
    "gsrnp": _Scheme("8017", 17),
    "gsin": _Scheme("402", 16),
    "giai": _Scheme("8004", None),
    "ginc": _Scheme("401", None),
    "cpi": _Scheme("8010", None, "/8011/"),
}

_SHORT_NAMES = {
    "sscc": "00",
    "gtin": "01",
    "lot": "10",
    "ser": "21",
    "cpv": "22",
    "gdti": "253",
    "gcn": "255",
    "ginc": "401",
    "gsin": "402",
    "gln": "414",
    "party": "417",
    "grai": "8003",
    "giai": "8004",
    "itip": "8006",
    "cpid": "8010",
    "gsrnp": "8017",
    "gsrn": "8018",
}
"""Deprecated names of application identifiers in a Digital Link."""

_KEYS = {
    key: re.compile(value, re.ASCII)
    for key, value in {
        "00": r"\d{18}",
        "01": r"\d{8}|\d{12,14}",
        "253": r"\d{13}.{0,17}",
        "255": r"\d{13}\d{0,12}",
        # A text that begins with the digits of a company prefix.
        **dict.fromkeys(("401", "8004", "8010"), r"\d{4}.*"),
        "402": r"\d{17}",
        **dict.fromkeys(("414", "417"), r"\d{13}"),
        "8003": r"\d{14}.{0,16}",
        **dict.fromkeys(("8006", "8017", "8018"), r"\d{18}"),
    }.items()
}
_QUALIFIERS: dict[str, tuple[str, ...]] = {
    "01": ("21", "10", "235", "22"),
    "8006": ("21", "10", "22"),
    "414": ("254",),
    "8010": ("8011",),
}
"""Which may follow a key, the finest first. A consumer product variant (22) is no finer."""


def canonical(uri: str) -> str:
    """Return the GS1 identifier in its one spelling, and any other text as it is.

    URNs of EPCs, EPC classes and patterns become Digital Links. A Digital Link
    loses its domain, short names, query, fragment and all but its finest
    qualifier; a GTIN gets 14 digits. Check digits of Digital Links are not
    judged: what an event says is hashed, right or wrong.
    """
    if (urn := _URN.fullmatch(uri)) is not None:
        return _from_urn(urn[1], urn[2]) or uri
    if (web := _WEB.match(uri)) is not None:
        return _from_web(web[1].removesuffix("/").split("/")) or uri
    return uri


def _from_urn(name: str, body: str) -> str | None:
    scheme = _SCHEMES.get(name)
    if scheme is None:
        return None
    inner = 2 + scheme.pieces
    company, *rest = body.split(".", inner if scheme.serial is not None else 1)
    if not rest or not _COMPANY_PREFIX.fullmatch(company):
        return None
    reference, pieces, serial = rest[0], rest[1 : inner - 1], "".join(rest[inner - 1 :])
    if len(pieces) != scheme.pieces:
        return None
    key = company + reference
    if scheme.digits is None:
        key = key.translate(_ENCODED)
    else:
        if len(key) != scheme.digits or not (key.isascii() and key.isdigit()):
            return None
        if scheme.has_indicator:
            key = reference[0] + company + reference[1:]
        key += str(gs1_standard_check_digit(key)) + "".join(pieces)
    if scheme.key == "8003":
        key = f"0{key}"
    link = f"{_DOMAIN}/{scheme.key}/{key}"
    # A pattern names no serial number; the extension 0 of an SGLN says that there is none.
    if serial in ("", "*") or (name == "sgln" and serial == "0"):
        return link
    return f"{link}{scheme.serial}{serial.translate(_ENCODED)}"


def _from_web(path: Sequence[str]) -> str | None:
    names = [_SHORT_NAMES.get(part, part) for part in path]
    for at in range(len(path) - 1):
        key, value, rest = names[at], path[at + 1], path[at + 2 :]
        if key not in _KEYS or not _KEYS[key].fullmatch(value):
            continue
        told = dict(zip(names[at + 2 :: 2], rest[1::2], strict=False))
        possible = _QUALIFIERS.get(key, ())
        if len(rest) != 2 * len(told) or not told.keys() <= set(possible):
            continue
        if key == "01":
            value = value.zfill(14)
        finest = next((name for name in possible if name in told and name != "22"), None)
        qualifier = "" if finest is None else f"/{finest}/{told[finest]}"
        return f"{_DOMAIN}/{key}/{value}{qualifier}"
    return None
