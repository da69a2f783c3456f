"""What the parts of a source share."""

from drivers.contract import Link
from drivers.opcua.handoff import Handoff
from tests.fault.opcua_gateway import Recorder


def test_nothing_is_heard_before_every_part_has_heard_and_then_as_far_as_the_slowest() -> None:
    link = Link("plc", lambda: 1)
    handoff = Handoff(Recorder(), link)
    handoff.expect("conveyor")
    handoff.expect("variables")
    seen = []
    for part, until in (("variables", 30), ("conveyor", 10), ("variables", 40), ("conveyor", 50)):
        handoff.heard(part, until)
        seen.append(link.heard_until)
    assert seen == [None, 10, 10, 40]
