"""How fast a backlog is delivered once the ERP answers again."""

from pathlib import Path

from bench import bare_sqlite, broker, posting
from bench.report import Figure
from bench.site import Gateway
from bench.waiting import until
from simulators.broker import Broker
from simulators.erp_process import ErpProcess

MILESTONES = 4000
IN_FLIGHT = 8
"""As the gateway's own, unless it is configured otherwise."""
BARE = 1000
"""Postings of each comparison."""


def figures(scratch: Path) -> list[Figure]:
    """G7: milestones of as many keys, stored while no daemon ran."""
    with (
        Broker(scratch / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(scratch / "erp") as erp,
    ):
        gateway = Gateway(scratch, mosquitto.port, erp.url)
        posting.store(gateway, posting.milestones(MILESTONES, "DRAIN"))
        of = {"bare_sqlite": bare_sqlite.measure(scratch)}
        for connections in (1, IN_FLIGHT):
            told = posting.milestones(BARE, f"BARE{connections}")
            of[f"bare_httpx_{connections}"], _ = posting.post(erp.url, told, connections)
        already = erp.state()["bookings"]
        with gateway:
            until(lambda: gateway.delivered() >= MILESTONES, "everything is delivered")
            cpu = gateway.cpu_seconds()
        booked = [booking.booked_at for booking in erp.book()[already:]]
    rate = (len(booked) - 1) * 1000 / (booked[-1] - booked[0])
    return [
        Figure(
            "drain",
            rate,
            "milestones/s",
            of,
            ratio_to=f"bare_httpx_{IN_FLIGHT}",
            also={
                "ratio_to_bare_sqlite": rate / of["bare_sqlite"],
                "daemon_cpu_us_per_milestone": cpu * 1e6 / MILESTONES,
            },
            note=f"{MILESTONES} keys, {IN_FLIGHT} in flight, one request for each milestone; "
            "first to last booking; the CPU includes the start",
        )
    ]
