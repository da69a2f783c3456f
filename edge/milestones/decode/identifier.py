"""Barcodes as scanners tell them, brought to one form: the same unit is the same key.

GS1 General Specifications: SSCC, GTIN and GRAI may come plain, as an element
string (section 7.8; with or without the scanner's symbology identifier,
section 5.1.2), as human readable text (section 4.14), or as a Digital Link URI.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import biip
import re2  # type: ignore[import-untyped]
from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message

from edge.milestones.decode.part import Malformed, Misread, described

_SSCC, _GTIN, _GRAI = "00", "01", "8003"
"""Application identifiers."""
_IDENTIFIERS: Mapping[str, str] = {"sscc": _SSCC, "gtin": _GTIN, "grai": _GRAI}
_CHECKED: Mapping[str, int] = {_SSCC: 18, _GTIN: 14, _GRAI: 14}
"""How many digits of a value end in their check digit (section 7.9)."""
_CONFIG = biip.ParseConfig(gs1_element_strings_verify_date=False)
"""A wrong date beside it does not make an identifier unreadable."""
_PLAIN_SSCC, _PLAIN_GTIN = re.compile("[0-9]{18}"), re.compile("[0-9]{8}|[0-9]{12,14}")


class _Read(NamedTuple):
    """What a barcode says, by application identifier, and what of that is misread."""

    values: dict[str, str]
    faults: dict[str, str]


def normal_form(schemes: Sequence[str]) -> Callable[[str, str], str]:
    """Return what brings a text to the form of the first scheme that it fits.

    The schemes are those of `check_scheme`. An SSCC becomes its 18 digits, a
    GTIN 14 digits, a GRAI the digits and signs behind its application
    identifier; what fits a pattern stays as it is.

    The function takes the text, and where it stands for the message of the
    Malformed that it raises if no scheme fits: Misread, if all that is wrong is a check digit.
    """
    tests = [_test(scheme) for scheme in schemes]
    expected = " or ".join(each if _is_pattern(each) else each.upper() for each in schemes)
    identifiers = [_IDENTIFIERS[each] for each in schemes if not _is_pattern(each)]

    def normalise(value: str, where: str) -> str:
        for test in tests:
            if (found := test(value)) is not None:
                return found
        faults = _read(value).faults
        why = "".join(f": {faults[each]}" for each in identifiers if each in faults)
        raise (Misread if why else Malformed)(f"{where}: {described(value)} is no {expected}{why}")

    return normalise


def check_scheme(scheme: str) -> None:
    """Refuse what is neither `sscc`, `gtin`, `grai` nor a pattern between slashes.

    Raises:
        ValueError: It is none; the message says why.

    """
    if not _is_pattern(scheme):
        if scheme not in _IDENTIFIERS:
            known = ", ".join(_IDENTIFIERS)
            raise ValueError(f"{scheme!r} is none of {known}, nor a pattern like '/LPN[0-9]{{8}}/'")
        return
    try:
        _fits(scheme)
    except re2.error as error:
        why = error.args[0].decode()
        raise ValueError(f"{scheme!r} is no regular expression: {why}") from None


def _is_pattern(scheme: str) -> bool:
    return len(scheme) > 1 and scheme[0] == scheme[-1] == "/"


def _test(scheme: str) -> Callable[[str], str | None]:
    if not _is_pattern(scheme):
        identifier = _IDENTIFIERS[scheme]
        return lambda value: _read(value).values.get(identifier)
    fits = _fits(scheme)
    return lambda value: value if fits(value) else None


def _fits(scheme: str) -> Callable[[str], bool]:
    """Return what tells whether a text fits a pattern, in time that grows as its length does.

    Python's own expressions may take hours over thirty characters, and what a
    device sends is not ours to choose.
    """
    options = re2.Options()
    options.log_errors = False
    pattern = re2.compile(scheme[1:-1], options)
    return lambda value: pattern.fullmatch(value) is not None


# A unit is scanned several times on its way, and biip takes 100 µs.
@lru_cache(maxsize=4096)
def _read(value: str) -> _Read:
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    for identifier, found in _told(value):
        if identifier in _CHECKED:
            digits = found[: _CHECKED[identifier]]
            check_digit = gs1_standard_check_digit(digits[:-1])
            if int(digits[-1]) != check_digit:
                faults[identifier] = f"its check digit is {digits[-1]}, not {check_digit}: misread"
                continue
        values[identifier] = found
    return _Read(values, faults)


def _told(value: str) -> Iterator[tuple[str, str]]:
    """Yield what the barcode says, by application identifier; biip checks no digits within it."""
    if not value.isascii():  # biip takes digits of any script
        return
    # GS1 DotCode, which biip does not know, holds the same as GS1-128.
    value = re.sub(r"^\]J1", "]C1", value)
    value = re.sub(r"^https?:", lambda scheme: scheme[0].lower(), value, flags=re.IGNORECASE)
    try:
        if value.startswith("("):
            message = GS1Message.parse_hri(value, config=_CONFIG)
            # It passes over brackets without a number or a value: two serial numbers became one.
            if message.as_hri() == "".join(value.split()):
                yield from _elements(message)
            return
        result = biip.parse(value, config=_CONFIG)
    except (ParseError, ValueError, LookupError):  # e.g. of "]" biip says IndexError
        return
    yield from _elements(result.gs1_message or result.gs1_digital_link_uri)
    symbology = result.symbology_identifier
    plain = value if symbology is None else value[len(str(symbology)) :]
    if value.startswith("]E3"):
        plain = plain[:13]  # EAN-13 with an add-on
    if result.gtin is not None:
        yield _GTIN, result.gtin.as_gtin_14()
    elif _PLAIN_GTIN.fullmatch(plain):
        yield _GTIN, plain.zfill(14)
    # Some SSCCs look like elements, too: 01, a GTIN and 30.
    if _PLAIN_SSCC.fullmatch(plain):
        yield _SSCC, plain


def _elements(message: GS1Message | GS1DigitalLinkURI | None) -> Iterator[tuple[str, str]]:
    for element in message.element_strings if message is not None else ():
        yield element.ai.ai, element.value
