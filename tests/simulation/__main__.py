"""Replays a simulation with its trace, or runs many: `python -m tests.simulation SEED`."""
# ruff: noqa: T201 - it is a command

import argparse
import gc
import os
import sys
import time
from pathlib import Path

from tests.simulation.play import Place, play

KEPT = Path(__file__).with_name("kept_seeds.txt")


def main() -> int:
    """Return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this one, and tell what happens")
    parser.add_argument("--seeds", type=int, default=0, help="run so many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="leave out all but each n-th")
    parser.add_argument("--kept", action="store_true", help="run the seeds that once failed first")
    parser.add_argument("--digests", action="store_true", help="print the digest of each trace")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set of texts differs between processes otherwise, and so would a replay.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    place = Place()
    try:
        if options.seed is not None:
            result = play(options.seed, place, print)
            print(*result.violations, sep="\n")
            return 1 if result.violations else 0
        return _run(options, place)
    finally:
        place.close()


def _run(options: argparse.Namespace, place: Place) -> int:
    seeds = [int(line) for line in KEPT.read_text().split()] if options.kept else []
    seeds += range(options.first, options.first + options.seeds, options.every)
    failed, virtual, began = 0, 0.0, time.perf_counter()
    gc.freeze()
    for seed in seeds:
        result = play(seed, place)
        virtual += result.virtual_seconds
        if options.digests:
            print(seed, result.digest)
        if result.violations:
            failed += 1
            print(f"python -m tests.simulation {seed}  # {result.violations[0]}", flush=True)
    seconds = time.perf_counter() - began
    print(
        f"{len(seeds)} seeds, {failed} failed, {virtual / 3600:.1f} h simulated in {seconds:.1f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
