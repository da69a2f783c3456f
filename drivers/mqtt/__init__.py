"""MQTT 5: signals from a broker, each acknowledged only after it is committed."""

from drivers.contract import Clock, Driver, Source
from drivers.mqtt.settings import MqttSettings, subjects


def _open_source(settings: MqttSettings, clock: Clock) -> Source:
    from drivers.mqtt.source import MqttSource  # noqa: PLC0415 - imports paho

    return MqttSource(settings, clock)


DRIVER = Driver(source_settings=MqttSettings, open_source=_open_source, subjects=subjects)
