"""GS1 identifiers with valid check digits (GS1 General Specifications, 7.9.1)."""

PREFIX = "4012345"
"""A GS1 company prefix."""


def check_digit(digits: str) -> str:
    """Return the check digit that follows `digits`."""
    weighted = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-weighted % 10)


def sscc(serial: int) -> str:
    """Return the 18-digit SSCC of the unit with this serial number."""
    digits = f"3{PREFIX}{serial:09d}"
    return digits + check_digit(digits)


def gtin(item: int) -> str:
    """Return the GTIN-14 of the item with this number."""
    digits = f"0{PREFIX}{item:05d}"
    return digits + check_digit(digits)


def sgtin(gtin14: str, serial: int) -> str:
    """Return the Digital Link URI of one piece of an item (GS1 Digital Link, 01 and 21)."""
    return f"https://id.gs1.org/01/{gtin14}/21/{serial}"
