"""HTTP: each entry posted as a CloudEvent to a system that takes an idempotency key."""

from drivers.contract import Clock, Driver, Sink
from drivers.http.settings import HttpSettings


def _open_sink(settings: HttpSettings, clock: Clock) -> Sink:
    from drivers.http.sink import HttpSink  # noqa: PLC0415 - imports httpx

    return HttpSink(settings, clock)


DRIVER = Driver(sink_settings=HttpSettings, open_sink=_open_sink)
