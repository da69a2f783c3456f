"""How long the disk takes to have 4 KB durable: what every promise here is bounded by.

Run as a program, it prints the milliseconds: so that it can be measured under
the conditions that another process is under.
"""

import os
import sys
import time
from pathlib import Path

from bench.report import Figure, percentile

ROUNDS = 300
BLOCK = os.urandom(4096)


def measure(scratch: Path, rounds: int = ROUNDS) -> float:
    """Return the median time in ms of fdatasync after 4 KB into a file that has its size."""
    path = scratch / "fdatasync"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, bytes(len(BLOCK) * rounds), 0)
        os.fsync(descriptor)
        times = []
        for number in range(rounds):
            os.pwrite(descriptor, BLOCK, number * len(BLOCK))
            began = time.perf_counter()
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    return percentile(times, 50)


def figures(scratch: Path) -> list[Figure]:
    """F: the unit in which latencies are compared."""
    return [Figure("fdatasync", measure(scratch), "ms, p50", note="4 KB, file of fixed size")]


if __name__ == "__main__":
    sys.stdout.write(f"{measure(Path(sys.argv[1]), int(sys.argv[2]))}\n")
