"""The daemon, its broker and its ERP are killed, restarted and cut off, under load from outside."""

import random
import sqlite3
import sys
import threading
import time
from contextlib import closing
from types import TracebackType
from typing import Self

import pytest

from buffer.opening import read_only
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, steps, until
from tests.load import STEPS, Load

PER_SECOND = 50.0
UNITS = 300
"""Of each of the three parts of a test in which the broker is killed."""


class Motor:
    """Says a number, one more than the last, a thousand times a second, in a thread.

    With it there is a commit at any moment, and a kill falls into it.
    """

    def __init__(self, broker: Broker) -> None:
        self.said = 0
        self._scanner = Scanner(broker, "motor")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="motor")

    def _run(self) -> None:
        while not self._stopped.wait(0.01):
            for number in range(self.said, self.said + 10):
                self._scanner.say("noise/motor", b"%d" % number)
            self.said += 10

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        with self._scanner:
            if error is None:
                self._scanner.drain()


def _random() -> random.Random:
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    return random.Random(seed)


def _stored(gateway: Gateway, query: str) -> list[int]:
    with closing(sqlite3.connect(read_only(gateway.store), uri=True)) as connection:
        return [int(number) for (number,) in connection.execute(query)]


@pytest.mark.parametrize(
    ("kills", "units"),
    [
        pytest.param(8, 600, id="8"),
        pytest.param(50, 2_500, id="50", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_kill_9_at_random_points_loses_doubles_and_disorders_nothing(
    gateway: Gateway,
    scanner: Scanner,
    erp: ErpProcess,
    broker: Broker,
    *,
    kills: int,
    units: int,
) -> None:
    draw = _random()
    erp.faults(
        delay_seconds=0.02,
        error_rate=0.05,
        error_after_booking_rate=0.05,
        swallow_rate=0.01,
        cut_rate=0.05,
    )
    with Load(gateway, scanner, erp, units, PER_SECOND) as load:
        with Motor(broker) as motor:
            for _ in range(kills):
                time.sleep(draw.uniform(0.0, 1.0))
                gateway.kill()
                gateway.start(wait=draw.random() < 0.7)
        until(gateway.is_listening, "the daemon listens")
        erp.faults(
            delay_seconds=0, error_rate=0, error_after_booking_rate=0, swallow_rate=0, cut_rate=0
        )
        # The ERP counts; reading its whole book again and again would slow everything down.
        until(lambda: erp.state()["bookings"] >= 2 * units, "the ERP has booked all", 120)
        load.until_delivered(60)
    heard = "SELECT payload FROM journal WHERE subject = 'noise/motor' ORDER BY seq"
    assert _stored(gateway, heard) == list(range(motor.said)), "a signal is lost or kept twice"
    assert _stored(gateway, "SELECT entry FROM attempt WHERE detail LIKE '%found by look-up%'")


def test_kill_9_of_broker_and_erp_loses_doubles_and_disorders_nothing_that_the_broker_kept(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, broker: Broker
) -> None:
    """What the broker acknowledged and had not saved when it was killed is its own to lose."""
    draw = _random()
    expected: list[tuple[str, str]] = []

    def tell(part: str) -> None:
        for number in range(UNITS):
            scanner.scan("dock", f"{part}-{number}", number / PER_SECOND)
            scanner.scan("rack", f"{part}-{number}", number / PER_SECOND + 0.1)
            expected.extend((f"{part}-{number}", step) for step in STEPS)
            if draw.random() < 0.01:
                erp.kill()
                erp.start()
            time.sleep(0.005)

    def saves() -> int:
        return broker.log.count("Saving in-memory database")

    tell("before")
    scanner.drain()
    begun = saves()
    until(lambda: saves() >= begun + 2, "the broker has saved what it acknowledged")
    exposed = [f"exposed-{number}" for number in range(UNITS)]
    for unit in exposed:
        scanner.scan("dock", unit)
    time.sleep(draw.uniform(0.0, 0.1))
    broker.kill()
    broker.start()
    tell("after")
    scanner.drain()
    until(gateway.is_listening, "the daemon listens")
    until(lambda: {*expected} <= {*steps(erp.book())}, "the ERP has booked all", 60)
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "all is settled")
    booked = steps(erp.book())
    assert len(booked) == len(set(booked)), "a fact was told twice"
    assert set(booked) <= {*expected, *((unit, "receiving") for unit in exposed)}
    place = {fact: index for index, fact in enumerate(booked)}
    for received, stored in zip(expected[::2], expected[1::2], strict=True):
        assert place[received] < place[stored]


def test_broker_restart_and_erp_outage_lose_double_and_disorder_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, broker: Broker
) -> None:
    with Load(gateway, scanner, erp, 600, 2 * PER_SECOND) as load:
        with erp.down():
            time.sleep(1)
            broker.restart()
            time.sleep(1)
            broker.restart()
            until(lambda: load.owed() >= 2 * load.units, "all is owed")
            assert erp.state()["bookings"] < 2 * load.units
        load.until_delivered(60)


def test_reply_lost_after_booking_is_looked_up_and_not_posted_again(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    with erp.faulty(cut_rate=1.0):
        scanner.scan("dock", "T-1")
        until(lambda: erp.state()["bookings"] == 1, "the ERP books")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is settled")
    assert len(erp.book()) == 1
    assert erp.state()["repeats"] == 0
    story = gateway.command("trace", "T-1").stdout
    assert "unknown" in story
    assert "found by look-up" in story


def test_backlog_survives_a_restart_during_the_outage(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    with erp.down():
        for number in range(50):
            scanner.scan("dock", f"T-{number}")
        until(lambda: gateway.report().facts.backlogs[0].pending == 50, "all is owed")
        gateway.kill()
        gateway.start()
        assert gateway.report().facts.backlogs[0].pending == 50
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "everything is delivered")
    assert len(erp.book()) == 50
    assert erp.state()["mismatches"] == 0
