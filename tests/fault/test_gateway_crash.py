"""The daemon is killed, its broker restarted, its ERP taken down, under load from outside."""

import random
import sys
import threading
import time

from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, steps, until

UNITS = 600
KILLS = 8


def _scan(scanner: Scanner, draw: random.Random) -> None:
    """Have every unit received, and stored soon after; some told twice, some in wrong order."""
    for number in range(UNITS):
        unit = f"T-{number}"
        told = [("dock", number * 0.01), ("rack", number * 0.01 + 1)]
        if draw.random() < 0.1:
            told.append(draw.choice(told))
        if draw.random() < 0.2:
            draw.shuffle(told)
        for read_point, at in told:
            scanner.scan(read_point, unit, at)
        if number % 10 == 0:
            scanner.say("scan/dock", b"\x00 not JSON")
        time.sleep(0.01)


def _assert_each_fact_once_and_in_order(erp: ErpProcess) -> None:
    told = steps(erp.book())
    expected = {(f"T-{n}", step) for n in range(UNITS) for step in ("receiving", "storing")}
    assert len(told) == len(set(told)), "a fact was told twice"
    assert set(told) == expected
    place = {fact: index for index, fact in enumerate(told)}
    for number in range(UNITS):
        assert place[f"T-{number}", "receiving"] < place[f"T-{number}", "storing"]


def _is_delivered(gateway: Gateway, erp: ErpProcess) -> bool:
    backlog = gateway.report().facts.backlogs[0]
    return backlog.pending == 0 and len(erp.book()) >= 2 * UNITS


def test_kill_9_at_random_points_loses_doubles_and_disorders_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    erp.faults(error_rate=0.05, error_after_booking_rate=0.05, swallow_rate=0.01, cut_rate=0.05)
    load = threading.Thread(target=_scan, args=(scanner, random.Random(seed)))
    load.start()
    for _ in range(KILLS):
        time.sleep(draw.uniform(0.0, 1.0))
        gateway.kill()
        gateway.start(wait=draw.random() < 0.7)
    load.join()
    scanner.drain()
    erp.faults(error_rate=0, error_after_booking_rate=0, swallow_rate=0, cut_rate=0)
    until(gateway.is_listening, "the daemon listens")
    until(lambda: _is_delivered(gateway, erp), "everything is delivered", 60)
    _assert_each_fact_once_and_in_order(erp)


def test_broker_restart_and_erp_outage_lose_double_and_disorder_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, broker: Broker
) -> None:
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    load = threading.Thread(target=_scan, args=(scanner, random.Random(seed)))
    load.start()
    with erp.down():
        time.sleep(1)
        broker.restart()
        time.sleep(1)
        broker.restart()
        load.join()
        scanner.drain()
        until(lambda: gateway.report().facts.backlogs[0].pending >= 2 * UNITS, "all is owed")
        assert erp.state()["bookings"] < 2 * UNITS
    until(lambda: _is_delivered(gateway, erp), "everything is delivered", 60)
    _assert_each_fact_once_and_in_order(erp)


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
