"""The whole way at full load: signals in, committed and acknowledged; milestones at the ERP."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import bare_sqlite, broker
from bench.publisher import PAYLOAD_BYTES
from bench.report import Figure
from bench.site import Devices, Gateway
from bench.waiting import until
from simulators.broker import Broker
from simulators.erp_process import ErpProcess

SIGNALS = 50_000
SCAN_EVERY = 100
ROUNDS = 3
"""Each with its denominators; the medians are told. One alone is at the mercy of its seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run has shown."""

    rate: float
    """Signals per second, from the first publish until all are in the store."""
    erp_seconds: float
    """From the first publish until the ERP had all milestones."""
    cpu: float
    """Processor time of the daemon in µs per signal, until the ERP had all milestones."""


def measure(directory: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run the daemon with these variables beside those of this process."""
    with (
        Broker(directory / "broker", autosave_seconds=broker.NEVER) as mosquitto,
        ErpProcess(directory / "erp") as erp,
        Gateway(directory, mosquitto.port, erp.url, environment) as gateway,
        Devices(mosquitto.port, SIGNALS, scan_every=SCAN_EVERY) as devices,
    ):
        cpu = gateway.cpu_seconds()
        began = time.monotonic()
        devices.begin()
        stored = until(lambda: gateway.signals() >= SIGNALS, "all signals are in the store")
        milestones = SIGNALS // SCAN_EVERY
        told = until(lambda: erp.state()["bookings"] >= milestones, "the ERP has all milestones")
        return Run(
            rate=SIGNALS / (stored - began),
            erp_seconds=told - began,
            cpu=(gateway.cpu_seconds() - cpu) * 1e6 / SIGNALS,
        )


def typical(runs: Sequence[Run]) -> Run:
    """Return the median of each thing that the runs have shown."""
    return Run(
        rate=median(run.rate for run in runs),
        erp_seconds=median(run.erp_seconds for run in runs),
        cpu=median(run.cpu for run in runs),
    )


def figures(scratch: Path) -> list[Figure]:
    """G1: how much is left of what the broker and SQLite could do."""
    brokers, sqlites, runs = [], [], []
    for number in range(ROUNDS):
        directory = scratch / str(number)
        directory.mkdir()
        brokers.append(broker.measure(directory))
        sqlites.append(bare_sqlite.measure(directory))
        runs.append(measure(directory))
    of = {"broker": median(brokers), "bare_sqlite": median(sqlites)}
    run = typical(runs)
    return [
        Figure(
            "ingest_and_forward",
            run.rate,
            "signals/s",
            of,
            ratio_to=min(of, key=lambda name: of[name]),
            also={
                "signals": SIGNALS,
                "milestones": SIGNALS // SCAN_EVERY,
                "erp_has_all_after_s": run.erp_seconds,
                "daemon_cpu_us_per_signal": run.cpu,
            },
            note=f"MQTT QoS 1, {PAYLOAD_BYTES} bytes; 1 of {SCAN_EVERY} signals is a milestone; "
            f"medians of {ROUNDS}",
        )
    ]
