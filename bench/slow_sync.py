"""The whole way at full load on a slower disk: a preloaded library delays every sync."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.ingest_and_forward import ROUNDS, Run, measure, typical
from bench.report import Figure
from bench.site import REPOSITORY
from bench.waiting import InVain
from simulators import preload

DELAYS_MS = (2, 10)
SYNCS = 50


def figures(scratch: Path) -> list[Figure]:
    """G4: what a disk of another speed leaves of the rate."""
    if lack := preload.lacks():
        raise InVain(f"skipped: needs {lack}")
    library = preload.build(Path(__file__).with_suffix(".c"), scratch)
    environments: dict[int, dict[str, str]] = {0: {}}
    for delay in DELAYS_MS:
        environments[delay] = {"LD_PRELOAD": str(library), "SLOW_SYNC_US": str(delay * 1000)}
    runs: dict[int, list[Run]] = {delay: [] for delay in environments}
    for number in range(ROUNDS):
        for delay, environment in environments.items():
            runs[delay].append(measure(scratch / f"{number}-{delay}", environment))
    undelayed = typical(runs[0])
    return [
        _figure(delay, typical(runs[delay]), undelayed, _fdatasync(scratch, environments[delay]))
        for delay in DELAYS_MS
    ]


def _figure(delay: int, run: Run, undelayed: Run, fdatasync_ms: float) -> Figure:
    return Figure(
        f"ingest_and_forward_sync_plus_{delay}_ms",
        run.rate,
        "signals/s",
        {"undelayed": undelayed.rate, "fdatasync_ms": fdatasync_ms},
        ratio_to="undelayed",
        also={"erp_has_all_after_s": run.erp_seconds, "daemon_cpu_us_per_signal": run.cpu},
        note=f"the daemon's syncs alone are delayed; medians of {ROUNDS}",
    )


def _fdatasync(scratch: Path, environment: Mapping[str, str]) -> float:
    """Measure a sync as the daemon meets it: shows that the delay is there."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.fdatasync", str(scratch), str(SYNCS)],
        check=True,
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )
    return float(ended.stdout)
