"""How other gateways drowned in what they could not send, or stopped; and that we do not."""

from functools import partial

import pytest

from simulators.erp_process import ErpProcess
from tests.failures.process import resident_bytes
from tests.gateway import Gateway, Scanner, steps, until

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
PAGE_CACHE = 32 * MIB
"""What SQLite keeps of the store's file, once it has come by as much."""


def test_memory_does_not_grow_with_what_the_erp_cannot_take(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # edgexfoundry/app-functions-sdk-go#1516: export slower than ingest exhausted the memory, the
    # more so with store and forward.
    erp.faults(delay_seconds=0.5)
    memory = []
    for more in range(1, 11):
        for number in range(more * 3000 - 3000, more * 3000):
            scanner.scan("dock", f"T-{number}")
        until(partial(_has_heard, gateway, more * 3000), "all is taken in")
        memory.append(resident_bytes(gateway.pid))
    assert gateway.report().facts.backlogs[0].pending > 28_000
    # 27,000 more of them: that many events in memory would take 50 MiB and more.
    assert memory[-1] - memory[0] < PAGE_CACHE + 8 * MIB, memory


def _has_heard(gateway: Gateway, signals: int) -> bool:
    return gateway.report().facts.signals == signals


def test_a_poisonous_milestone_holds_up_its_own_unit_and_is_told_from_an_outage(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # wso2/product-ei#2740: one message stopped the flow, and nobody could tell it from an outage.
    with erp.faulty(reject_subjects=["unit:T-7"]):
        for number in range(20):
            scanner.scan("dock", f"T-{number}")
        for number in range(20):
            scanner.scan("rack", f"T-{number}", at=0.5)
        until(lambda: len(erp.book()) == 38, "everything else is delivered")
        said = [finding.text for finding in gateway.report().findings if finding.about == "erp"]
        assert any("dead letter" in text for text in said)
        assert not any("down" in text for text in said)
    with erp.down():
        scanner.scan("dock", "T-20")
        until(
            lambda: any(
                finding.about == "erp" and finding.text.startswith("down for")
                for finding in gateway.report().findings
            ),
            "the outage is told",
        )
    until(lambda: len(erp.book()) == 39, "the rest is delivered")
    assert "T-7" not in {unit for unit, _ in steps(erp.book())}
