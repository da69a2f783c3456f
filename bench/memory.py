"""How much memory the daemon takes while the ERP is away: it must not grow with the backlog."""

from contextlib import closing
from pathlib import Path

from bench import broker, stock
from bench.report import Figure
from bench.site import Devices, Gateway
from bench.waiting import until
from simulators.broker import Broker
from simulators.ports import HOST, number, reserve

SMALL, LARGE = 1_000, 5_000_000
RATE = 1000
SECONDS = 10


def figures(scratch: Path) -> list[Figure]:
    """G8: peak memory with a backlog, while signals come in."""
    small = _measure(scratch / "small", SMALL)
    large = _measure(scratch / "large", LARGE)
    return [
        Figure(
            "memory",
            large,
            "MB, peak resident",
            {f"with_{SMALL}_undelivered": small},
            ratio_to=f"with_{SMALL}_undelivered",
            note=f"{LARGE} milestones undelivered, the ERP refuses connections, "
            f"{RATE} signals/s for {SECONDS} s",
        )
    ]


def _measure(directory: Path, backlog: int) -> float:
    signals = RATE * SECONDS
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        closing(reserve()) as nobody,
    ):
        gateway = Gateway(directory, mosquitto.port, f"http://{HOST}:{number(nobody)}/milestones")
        stock.fill(gateway.store, backlog)
        with gateway, Devices(mosquitto.port, signals, rate=RATE) as devices:
            devices.begin()
            until(lambda: gateway.signals() >= signals, "all signals are in the store")
            return gateway.peak_memory()
