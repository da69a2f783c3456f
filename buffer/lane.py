"""What goes first, and whose disk is reserved."""

from enum import IntEnum


class Lane(IntEnum):
    """The lane of an entry or a source; a lower number goes first."""

    CRITICAL = 0
    NORMAL = 1
    BULK = 2
