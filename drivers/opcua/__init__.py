"""OPC UA: listens to a PLC's variables and reads its record buffers."""

from typing import TYPE_CHECKING

from drivers.contract import Clock, Driver
from drivers.opcua.settings import OpcUaSettings, subjects

if TYPE_CHECKING:
    from drivers.opcua.source import OpcUaSource


def _open_source(settings: OpcUaSettings, clock: Clock) -> "OpcUaSource":
    from drivers.opcua.source import OpcUaSource  # noqa: PLC0415 - asyncua takes a second to import

    return OpcUaSource(settings, clock)


DRIVER = Driver(source_settings=OpcUaSettings, open_source=_open_source, subjects=subjects)
