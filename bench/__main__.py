"""Run the benchmarks: one line of JSON for each figure, on standard output."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    backlog,
    backtest,
    bare_sqlite,
    broker,
    drain,
    engine,
    fdatasync,
    ingest_and_forward,
    latency,
    memory,
    priority,
    pruning,
    single_commit,
    slow_sync,
)
from bench.report import Figure, report, report_absence
from bench.waiting import InVain

FIGURES: dict[str, Callable[[Path], list[Figure]]] = {
    "fdatasync": fdatasync.figures,
    "bare_sqlite": bare_sqlite.figures,
    "broker": broker.figures,
    "single_commit": single_commit.figures,
    "ingest_and_forward": ingest_and_forward.figures,
    "slow_sync": slow_sync.figures,
    "latency": latency.figures,
    "drain": drain.figures,
    "memory": memory.figures,
    "pruning": pruning.figures,
    "priority": priority.figures,
    "backlog": backlog.figures,
    "engine": engine.figures,
    "backtest": backtest.figures,
}
ON_DISK = "/var/tmp"
"""Not /tmp, which is memory on many systems: there, a sync costs nothing."""


def main() -> None:
    """Measure what was asked for; exit with 1 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument(
        "--on", type=Path, default=Path(ON_DISK), help="directory on the disk to be measured"
    )
    given = parser.parse_args()
    unknown = set(given.names) - set(FIGURES)
    if unknown:
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    is_complete = True
    for name in given.names or FIGURES:
        with tempfile.TemporaryDirectory(prefix="milepost-bench-", dir=given.on) as scratch:
            try:
                for figure in FIGURES[name](Path(scratch)):
                    report(figure)
            except InVain as reason:
                report_absence(name, str(reason))
                is_complete = False
    sys.exit(0 if is_complete else 1)


main()
