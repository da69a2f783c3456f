"""How a driver presents itself to the daemon."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from drivers.contract.clock import Clock
from drivers.contract.settings import Settings
from drivers.contract.sink import Sink
from drivers.contract.source import Source


@dataclass(frozen=True, slots=True)
class Driver:
    """One protocol: its settings, and how to open it. Importing a driver's package is cheap.

    The factories import the protocol's library when they are called, so
    `milepost check` and a site that does not use the protocol never pay for it.
    """

    source_settings: type[Settings] | None = None
    open_source: Callable[[Any, Clock], Source] | None = None
    """Called with an instance of `source_settings`."""
    subjects: Callable[[Any], Iterable[str]] | None = None
    """Which subjects its signals can have, as names or as filters with MQTT's + and #.

    Called with an instance of `source_settings`. Without it any subject may come,
    and an observation of one that never comes passes unnoticed.
    """
    sink_settings: type[Settings] | None = None
    open_sink: Callable[[Any, Clock], Sink] | None = None
    """Called with an instance of `sink_settings`."""
