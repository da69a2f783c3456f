"""The whole way at full load on a slower disk: a preloaded library delays every sync."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench import ingest_and_forward
from bench.report import Figure
from bench.site import REPOSITORY
from bench.waiting import InVain

DELAYS_MS = (2, 10)
ROUNDS = 50


def figures(scratch: Path) -> list[Figure]:
    """G4: what a disk of another speed leaves of the rate."""
    library = _compile(scratch)
    undelayed = ingest_and_forward.measure(scratch / "undelayed")
    return [_figure(scratch, library, delay, undelayed.rate) for delay in DELAYS_MS]


def _figure(scratch: Path, library: Path, delay_ms: int, undelayed: float) -> Figure:
    environment = {"LD_PRELOAD": str(library), "SLOW_SYNC_US": str(delay_ms * 1000)}
    of = {"undelayed": undelayed, "fdatasync_ms": _fdatasync(scratch, environment)}
    run = ingest_and_forward.measure(scratch / f"delayed-{delay_ms}", environment)
    return Figure(
        f"ingest_and_forward_sync_plus_{delay_ms}_ms",
        run.rate,
        "signals/s",
        of,
        ratio_to="undelayed",
        also={"erp_has_all_after_s": run.erp_seconds, "daemon_cpu_us_per_signal": run.cpu},
        note="the daemon's syncs alone are delayed",
    )


def _compile(scratch: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise InVain("skipped: no C compiler (cc) to build the library that delays syncs")
    library = scratch / "slow_sync.so"
    source = Path(__file__).with_suffix(".c")
    options = ["-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    return library


def _fdatasync(scratch: Path, environment: Mapping[str, str]) -> float:
    """Measure a sync as the daemon meets it: shows that the delay is there."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.fdatasync", str(scratch), str(ROUNDS)],
        check=True,
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )
    return float(ended.stdout)
