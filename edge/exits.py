"""How the daemon ends when it cannot go on; systemd/milepost.service acts on these codes."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of `milepost run`. 0 is a stop that was asked for."""

    CONFIGURATION = 2
    """The configuration cannot be run; systemd does not try again."""
    STORE_REFUSED = 3
    """The store must not be touched, so that nothing is made worse; systemd does not try again."""
    STORE_FAILED = 4
    """The store failed, perhaps not for ever; systemd starts anew, which checks it first."""
