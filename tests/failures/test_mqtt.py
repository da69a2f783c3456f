"""How other gateways lost messages or got stuck over MQTT; and that we do not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, steps, until

pytestmark = pytest.mark.slow

NONSENSE = (b"", b"\x00\xff", b"{", b"[]", b'{"unit": 1', b'{"unit": {"a": []}}', b"9" * 5000)


def test_a_broker_that_is_not_there_at_the_start_is_found_when_it_comes(
    tmp_path: Path, broker: Broker, erp: ErpProcess
) -> None:
    broker.stop()
    gateway = Gateway(tmp_path, broker, erp)
    try:
        gateway.start(wait=False)
        until(lambda: "link_down" in gateway.log.read_text(), "the broker is missed")
        broker.start()
        until(gateway.is_listening, "the broker is found")
        with Scanner(broker) as scanner:
            scanner.scan("dock", "T-1")
            until(lambda: len(erp.book()) == 1, "it is delivered")
    finally:
        gateway.close()


def test_what_is_said_before_the_erp_was_ever_reached_is_kept_and_delivered(
    tmp_path: Path, broker: Broker, erp: ErpProcess
) -> None:
    # edgexfoundry/app-service-configurable#318: what came before the first connection was
    # dropped, never stored.
    erp.stop()
    with Gateway(tmp_path, broker, erp) as gateway, Scanner(broker) as scanner:
        for number in range(20):
            scanner.scan("dock", f"T-{number}")
        until(lambda: gateway.report().facts.backlogs[0].pending == 20, "all is owed")
        gateway.kill()
        gateway.start()
        erp.start()
        until(lambda: len(erp.book()) == 20, "everything is delivered")


def test_a_flood_that_nobody_can_read_is_kept_as_it_came_and_holds_up_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # influxdata/telegraf#13476: payloads that could not be parsed wedged the consumer.
    for number in range(300):
        scanner.say("scan/dock", NONSENSE[number % len(NONSENSE)])
        if number % 10 == 0:
            scanner.scan("dock", f"T-{number}")
    until(lambda: len(erp.book()) == 30, "what can be read is delivered")
    scanner.drain()
    until(lambda: gateway.report().facts.quarantined == 300, "the rest is in quarantine")
    with closing(sqlite3.connect(gateway.store)) as store:
        query = "SELECT j.payload FROM quarantine AS q JOIN journal AS j ON j.seq = q.signal"
        kept = sorted(payload for (payload,) in store.execute(query))
    assert kept == sorted(NONSENSE[number % len(NONSENSE)] for number in range(300))


def test_units_seen_in_the_same_millisecond_are_all_told(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # thingsboard/thingsboard-gateway#988: events with the same time overwrote each other.
    for number in range(100):
        scanner.scan("dock", f"T-{number}", at=0)
    until(lambda: not gateway.report().facts.backlogs[0].pending, "all is settled")
    until(lambda: len(erp.book()) >= 100, "everything is delivered")
    assert {unit for unit, _ in steps(erp.book())} == {f"T-{number}" for number in range(100)}
