"""Cuts of the power in a recorded run, and what of the acknowledged work each of them loses."""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.power.disk import Disk
from tests.power.disk_log import Told

Left = Mapping[str, bytes]
"""Files, by path, as they were left by a cut."""


def losses(
    told: Sequence[Told],
    disk: Disk,
    number: int,
    draw: random.Random,
    works: Callable[[Left], set[int]],
) -> list[set[int]]:
    """Cut the power so many times, at random moments of what the disk was told.

    Returns for each cut what was acknowledged before it (the file `said`) and
    is not among the works that are found after it. A quarter of the cuts are
    before the first acknowledgement: there the store is made.
    """
    first = next(index for index, each in enumerate(told) if _acknowledges(each))
    moments = draw.choices(range(first), k=number // 4)
    moments += draw.choices(range(first, len(told) + 1), k=number - number // 4)
    moments.sort(reverse=True)
    lost: list[set[int]] = []
    acknowledged = set[int]()
    for index in range(len(told) + 1):
        while moments and moments[-1] == index:
            moments.pop()
            lost.append(acknowledged - works(disk.cut(draw)))
        if index == len(told):
            break
        if _acknowledges(told[index]):
            acknowledged.add(int(told[index].data))
        else:
            disk.tell(told[index])
    return lost


def losing(lost: Sequence[set[int]]) -> int:
    """Return how many of the cuts lost acknowledged work, and say it."""
    number = sum(bool(each) for each in lost)
    sys.stdout.write(f"{number} of {len(lost)} cuts lost acknowledged work\n")
    return number


def _acknowledges(told: Told) -> bool:
    return Path(told.path).name == "said"
