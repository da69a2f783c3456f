"""A site at work while something goes wrong, and whether the ERP knows what happened there."""

import random
import sys
import threading
import time
from types import TracebackType
from typing import Self

from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, steps, until

STEPS = ("receiving", "storing")


def until_delivered(gateway: Gateway, erp: ErpProcess, units: int, seconds: float) -> None:
    """Wait until the ERP has both milestones of units T-0, T-1...; check that it has them right."""
    known = len(STEPS) * units
    until(
        lambda: len(erp.book()) >= known and not gateway.report().facts.backlogs[0].pending,
        f"all {known} milestones are delivered",
        seconds,
    )
    told = steps(erp.book())
    assert len(told) == len(set(told)), "a fact was told twice"
    assert set(told) == {(f"T-{n}", step) for n in range(units) for step in STEPS}
    assert erp.state()["mismatches"] == 0
    place = {fact: index for index, fact in enumerate(told)}
    for number in range(units):
        first, second = (place[f"T-{number}", step] for step in STEPS)
        assert first < second, f"T-{number} was stored before it was received"


class Load:
    """Units that are received and soon after stored, told in a thread beside the test.

    Some are told twice, some in wrong order, and some of what is told is nonsense.
    """

    def __init__(
        self, gateway: Gateway, scanner: Scanner, erp: ErpProcess, units: int, per_second: float
    ) -> None:
        self.units = units
        self._gateway = gateway
        self._scanner = scanner
        self._erp = erp
        self._pause = 1 / per_second
        self._thread = threading.Thread(target=self._scan, name="load")
        seed = random.randrange(2**32)
        sys.stdout.write(f"seed {seed}\n")
        self._draw = random.Random(seed)

    def owed(self) -> int:
        """Return how many milestones the gateway owes the ERP."""
        return self._gateway.report().facts.backlogs[0].pending

    def until_delivered(self, seconds: float) -> None:
        """Wait until all has been told and the ERP has it; check that it has it right."""
        self._thread.join()
        self._scanner.drain()
        until_delivered(self._gateway, self._erp, self.units, seconds)

    def _scan(self) -> None:
        for number in range(self.units):
            told = [("dock", number * self._pause), ("rack", number * self._pause + 0.1)]
            if self._draw.random() < 0.1:
                told.append(self._draw.choice(told))
            if self._draw.random() < 0.2:
                self._draw.shuffle(told)
            for read_point, at in told:
                self._scanner.scan(read_point, f"T-{number}", at)
            if number % 10 == 0:
                self._scanner.say("scan/dock", b"\x00 not JSON")
            time.sleep(self._pause)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.join()
