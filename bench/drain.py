"""How fast a backlog is delivered once the ERP answers again, and what intake notices of it."""

from pathlib import Path

from bench import bare_sqlite, broker, posting, stock
from bench.report import Figure, percentile
from bench.site import Devices, Gateway
from bench.waiting import until
from simulators.broker import Broker
from simulators.erp_process import ErpProcess

ALONE = 4_000
BATCHED = 200_000
BATCH = 500
IN_FLIGHT = 8
"""As the gateway's own, unless it is configured otherwise."""
BARE = 1000
"""Postings of each comparison."""
LIVE_RATE = 1000
LIVE_SECONDS = 15


def figures(scratch: Path) -> list[Figure]:
    """G7: milestones of as many keys, stored while no daemon ran."""
    return [*_one_by_one(scratch / "alone"), *_in_batches(scratch / "batched")]


def _one_by_one(directory: Path) -> list[Figure]:
    directory.mkdir()
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(directory / "erp") as erp,
    ):
        gateway = Gateway(directory, mosquitto.port, erp.url)
        stock.fill(gateway.store, ALONE)
        of = {}
        for connections in (1, IN_FLIGHT):
            told = posting.milestones(BARE, f"BARE{connections}")
            of[f"bare_httpx_{connections}"], _ = posting.post(erp.url, told, connections)
        rate, cpu = _drain(gateway, erp, ALONE)
    return [
        Figure(
            "drain",
            rate,
            "milestones/s",
            of,
            ratio_to=f"bare_httpx_{IN_FLIGHT}",
            also={"daemon_cpu_us_per_milestone": cpu},
            note=f"{ALONE} keys, {IN_FLIGHT} in flight, one request for each milestone; "
            "first to last booking; the CPU includes the start",
        )
    ]


def _in_batches(directory: Path) -> list[Figure]:
    directory.mkdir()
    settings = f"batch = {{ max_entries = {BATCH} }}"
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(directory / "erp") as erp,
    ):
        of = {"bare_sqlite": bare_sqlite.measure(directory)}
        idle = Gateway(directory / "idle", mosquitto.port, erp.url, settings=settings)
        with idle:
            calm = _live(idle, mosquitto)
        gateway = Gateway(directory / "drain", mosquitto.port, erp.url, settings=settings)
        stock.fill(gateway.store, BATCHED)
        rate, cpu = _drain(gateway, erp, BATCHED)
        busy = Gateway(directory / "busy", mosquitto.port, erp.url, settings=settings)
        stock.fill(busy.store, BATCHED * 2, series=1)
        with busy:
            meanwhile = _live(busy, mosquitto)
            left = BATCHED * 2 - busy.delivered()
    return [
        Figure(
            "drain_in_batches",
            rate,
            "milestones/s",
            of,
            ratio_to="bare_sqlite",
            also={"daemon_cpu_us_per_milestone": cpu},
            note=f"{BATCHED} keys, {BATCH} in each request, {IN_FLIGHT} in flight; "
            "first to last booking; the CPU includes the start",
        ),
        Figure(
            "live_ingest_p99_while_draining",
            percentile(meanwhile, 99),
            "ms",
            {"idle": percentile(calm, 99)},
            ratio_to="idle",
            also={"p50": percentile(meanwhile, 50), "idle_p50": percentile(calm, 50)},
            note=f"publish → its transaction; {LIVE_RATE} signals/s for {LIVE_SECONDS} s; "
            f"{left} still waiting at the end",
        ),
    ]


def _drain(gateway: Gateway, erp: ErpProcess, count: int) -> tuple[float, float]:
    """Return milestones per second, and the daemon's µs of processor time for each."""
    already = erp.state()["bookings"]
    with gateway:
        until(lambda: gateway.delivered() >= count, "everything is delivered", seconds=300)
        cpu = gateway.cpu_seconds() * 1e6 / count
    booked = erp.booked_at()[already:]
    return (len(booked) - 1) * 1000 / (booked[-1] - booked[0]), cpu


def _live(gateway: Gateway, mosquitto: Broker) -> list[float]:
    """Return the ms from publishing to the transaction, of signals at a steady rate."""
    count = LIVE_RATE * LIVE_SECONDS
    already = gateway.signals()
    with Devices(mosquitto.port, count, rate=LIVE_RATE) as devices:
        devices.begin()
        until(lambda: gateway.signals() >= already + count, "all signals are in the store")
    return gateway.intake_times(count)
