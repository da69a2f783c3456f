"""What a notification's numbers and bits tell. Pure."""

from hashlib import blake2b

_LAST_NUMBER = 2**32 - 1
_INFO_TYPE = 0x0C00
_INFO_TYPE_DATA_VALUE = 0x0400
_OVERFLOW = 0x0080
_SEVERITY_AND_REASON = 0xFFFF_0000


def next_number(number: int) -> int:
    """Return the sequence number after this one: they roll over to 1 (OPC 10000-4, 7.40)."""
    return 1 if number >= _LAST_NUMBER else number + 1


def missed_between(expected: int, received: int) -> int:
    """Return how many notifications are gone, for the one that comes now.

    A keep-alive carries the number that the next notification will have
    (OPC 10000-4, 5.14.1.1), so it is judged by the same rule. A number from before
    the expected one tells of no loss: some servers repeat the last one.
    """
    ahead = (received - expected) % _LAST_NUMBER
    return ahead if ahead < _LAST_NUMBER // 2 else 0


def lost_changes(status: int) -> bool:
    """Tell if the PLC had to drop changes of this variable (OPC 10000-4, 7.39.1)."""
    return status & _INFO_TYPE == _INFO_TYPE_DATA_VALUE and status & _OVERFLOW != 0


def fingerprint(payload: bytes, source_time: object, status: int) -> bytes:
    """Return a digest that tells a new statement from one merely sent again.

    The status counts without its information bits: they speak of the
    notification, not of the value.
    """
    digest = blake2b(payload, digest_size=16)
    digest.update(f"|{source_time}|{status & _SEVERITY_AND_REASON}".encode())
    return digest.digest()
