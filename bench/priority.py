"""How long a critical milestone takes while a million bulk ones wait for the same destination."""

from datetime import datetime
from pathlib import Path

from bench import broker, stock
from bench.report import Figure, percentile
from bench.site import Devices, Gateway
from bench.waiting import until
from buffer.lane import Lane
from simulators.broker import Broker
from simulators.erp_process import ErpProcess

BACKLOG = 1_000_000
RATE = 10
"""Critical milestones per second; each is one scan."""
SECONDS = 20
LANES = 'critical = ["stored"]\nbulk = ["received"]'


def figures(scratch: Path) -> list[Figure]:
    """G7: publish → ERP, idle and with a backlog that is being drained meanwhile."""
    return [
        figure
        for erp_seconds in (0.0, 0.02)
        for figure in _compare(scratch / f"{erp_seconds}", erp_seconds)
    ]


def _compare(directory: Path, erp_seconds: float) -> list[Figure]:
    idle = _measure(directory / "idle", 0, erp_seconds)
    busy = _measure(directory / "busy", BACKLOG, erp_seconds)
    return [
        Figure(
            f"critical_erp_{erp_seconds * 1000:.0f}_ms_p{percent}",
            percentile(busy, percent),
            "ms",
            {"idle": percentile(idle, percent)},
            ratio_to="idle",
            note=f"{BACKLOG} bulk milestones waiting and being sent, 8 in flight; {RATE} critical "
            f"ones/s, {len(busy)} seen; the ERP waits {erp_seconds * 1000:.0f} ms with each answer",
        )
        for percent in (50, 99)
    ]


def _measure(directory: Path, backlog: int, erp_seconds: float) -> list[float]:
    directory.mkdir(parents=True)
    count = RATE * SECONDS
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(directory / "erp") as erp,
        erp.faulty(delay_seconds=erp_seconds),
    ):
        gateway = Gateway(directory, mosquitto.port, erp.url, settings=LANES)
        stock.fill(gateway.store, backlog, lane=Lane.BULK)
        with (
            gateway,
            Devices(mosquitto.port, count, scan_every=1, rate=RATE, read_point="rack") as devices,
        ):
            devices.begin()
            until(lambda: gateway.milestones("stored") >= count, "all are concluded", SECONDS + 60)
            until(lambda: len(_times(erp)) >= count, "the ERP has all critical ones")
        return _times(erp)


def _times(erp: ErpProcess) -> list[float]:
    return [
        booking.booked_at - datetime.fromisoformat(booking.body["eventTime"]).timestamp() * 1000
        for booking in erp.book()
        if booking.body["bizStep"] == "storing"
    ]
