"""How long a milestone takes from the device's publish to the ERP's book, at a steady load."""

from datetime import datetime
from pathlib import Path

from bench import broker, fdatasync, posting
from bench.report import Figure, percentile
from bench.site import Devices, Gateway
from bench.waiting import until
from simulators.broker import Broker
from simulators.erp_process import ErpProcess

LOADS = ((500, 25), (5000, 100))
"""Signals per second, and how many of them are one milestone: 20 and 50 milestones per second."""
SECONDS = 12
WARM_UP = 0.1
"""Share of the milestones that is left out: connections are made and caches are cold."""


def figures(scratch: Path) -> list[Figure]:
    """G3: publish → ERP."""
    return [figure for load in LOADS for figure in _at(scratch / str(load[0]), *load)]


def _at(directory: Path, rate: int, scan_every: int) -> list[Figure]:
    directory.mkdir()
    count = rate * SECONDS
    milestones = count // scan_every
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(directory / "erp") as erp,
    ):
        alone = posting.round_trip(erp.url)
        of = {"fdatasync_ms": fdatasync.measure(directory), **alone}
        already = erp.state()["bookings"]
        with (
            Gateway(directory, mosquitto.port, erp.url) as gateway,
            Devices(mosquitto.port, count, scan_every=scan_every, rate=rate) as devices,
        ):
            cpu = gateway.cpu_seconds()
            devices.begin()
            until(
                lambda: erp.state()["bookings"] >= already + milestones,
                "the ERP has all milestones",
                seconds=SECONDS + 60,
            )
            cpu = gateway.cpu_seconds() - cpu
        times = [
            float(booking.booked_at - _milliseconds(booking.body["eventTime"]))
            for booking in erp.book()[already + int(milestones * WARM_UP) :]
        ]
    return [
        Figure(
            f"latency_{rate}_p{percent}",
            percentile(times, percent),
            "ms",
            of,
            ratio_to=f"erp_post_p{percent}_ms",
            also={"daemon_cpu_cores": cpu / SECONDS},
            note=f"{rate} signals/s offered, {rate // scan_every} milestones/s, {len(times)} seen",
        )
        for percent in (50, 99)
    ]


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
