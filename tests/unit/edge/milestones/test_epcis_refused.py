"""What EPCIS cannot say is refused, and what is wrong with it is said."""

from dataclasses import replace
from typing import Any

import pytest

from edge.milestones.epcis import Unencodable, encode, needed
from edge.milestones.model import SEVERITY, Name
from edge.milestones.site import Site
from tests.unit.edge.milestones.epcis_events import CHILDREN, GTIN, SITE, SSCC, milestone


@pytest.mark.parametrize(
    ("name", "without"),
    [
        *[(name, "unit") for name in Name if name not in (Name.PICKED, Name.MEASURED, *SEVERITY)],
        (Name.MEASURED, "since"),
        (Name.PACKED, "children"),
        (Name.PICKED, "item"),
        (Name.SHORT, "item"),
        (Name.SHORT, "quantity"),
        (Name.SHORT, "requested"),
    ],
)
def test_a_milestone_that_lacks_what_its_event_needs_is_refused(name: Name, without: str) -> None:
    with pytest.raises(Unencodable, match=f"expected .*{without}|neither a unit nor an item"):
        encode(milestone(name, without=without), SITE)


@pytest.mark.parametrize(
    ("name", "attributes", "complaint"),
    [
        (Name.RECEIVED, {"unit": [SSCC]}, "expected a text"),
        (Name.RECEIVED, {"unit": True}, "unit is True; expected a text"),
        (Name.RECEIVED, {"unit": "\ud800"}, "not Unicode"),
        (Name.RECEIVED, {"zone": "\ud800"}, "surrogates"),
        (Name.RECEIVED, {"zone": {"a": 1}}, "expected a text or a number"),
        (Name.RECEIVED, {"zone": float("nan")}, "expected a text or a number"),
        (Name.RECEIVED, {"zone": 2**64}, "64-bit"),
        (Name.RECEIVED, {"Zone:": "z"}, "is no name"),
        (Name.RECEIVED, {"rule": "mine"}, "'milepost:rule' is told twice"),
        (Name.PICKED, {"requested_quantity": 5}, "'milepost:requestedQuantity' is told twice"),
        (Name.PACKED, {"quantity": True}, "quantity is True; expected a number"),
        (Name.UNPACKED, {"requested": "two"}, "requested is 'two'; expected a number"),
        (Name.MEASURED, {"quantity": [1]}, "expected a number"),
        (Name.PICKED, {"quantity": "3"}, "quantity is '3'; expected a number"),
        (Name.PICKED, {"quantity": True}, "quantity is True; expected a number"),
        (Name.PICKED, {"quantity": -1}, "expected 0 or more"),
        (Name.PICKED, {"quantity": float("inf")}, "expected 0 or more"),
        (Name.PICKED, {"uom": "pieces"}, "expected a code like 'KGM'"),
        (Name.PACKED, {"children": []}, "expected a unit and its children"),
        # EPCIS would understand that all were taken out.
        (Name.UNPACKED, {"children": []}, "expected a unit and its children"),
        (Name.PACKED, {"children": "abc"}, "expected a list"),
        (Name.MEASURED, {"since": None}, "expected since"),
        (Name.MEASURED, {"since": True}, "expected milliseconds"),
        (Name.MEASURED, {"since": 10**18}, "is no date"),
        (Name.MEASURED, {"uom": None}, "expected uom"),
        (Name.MEASURED, {"uom": "ampere"}, "expected a code like 'KGM'"),
        (Name.MEASURED, {"mean": None}, "expected meanValue"),
        (Name.MEASURED, {"min": "0"}, "min is '0'; expected a number"),
        (Name.MEASURED, {"max": float("inf")}, "expected a finite number"),
        (Name.MEASURED, {"measures": "Amps"}, "expected one like 'ElectricCurrent'"),
        (Name.MEASURED, {"measures": None, "seconds": None}, "neither a number nor a state"),
        (Name.MEASURED, {"seconds": [1]}, "expected seconds by state"),
        (Name.MEASURED, {"seconds": {"": 1}}, "expected a text"),
        (Name.MEASURED, {"seconds": {"IDLE": None}}, "expected a number"),
        (Name.PACKED, {"children": [{}]}, "children is {}; expected a text"),
    ],
)
def test_a_value_that_epcis_cannot_say_is_refused(
    name: Name, attributes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Unencodable, match=complaint):
        encode(milestone(name, **attributes), SITE)


def test_a_time_beyond_the_calendar_is_refused() -> None:
    told = replace(milestone(Name.RECEIVED), occurred_at=10**18)
    with pytest.raises(Unencodable, match="is no date"):
        encode(told, SITE)


@pytest.mark.parametrize(
    ("uri", "offset"),
    [
        ("dc-north", "+00:00"),
        ("https://a b", "+00:00"),
        ("https://a", "Z"),
        ("https://a", "+15:00"),
    ],
)
def test_a_site_whose_events_would_not_be_epcis_is_refused(uri: str, offset: str) -> None:
    with pytest.raises(ValueError, match="expected one like"):
        Site(uri, offset)


@pytest.mark.parametrize("name", [each for each in Name if each is not Name.MEASURED])
def test_what_a_milestone_needs_is_enough_and_no_less_is(name: Name) -> None:
    values: dict[str, Any] = {"unit": SSCC, "item": GTIN, "quantity": 1, "requested": 3}
    values["children"] = CHILDREN
    for enough in needed(name) or [frozenset()]:
        told = {each: values[each] for each in enough}
        encode(replace(milestone(name), attributes=told), SITE)
        for each in enough:
            less = {other: told[other] for other in told if other != each}
            with pytest.raises(Unencodable):
                encode(replace(milestone(name), attributes=less), SITE)


def test_what_its_operator_tells_of_it_by_itself_a_milestone_does_not_need() -> None:
    assert needed(Name.MEASURED) == ()
