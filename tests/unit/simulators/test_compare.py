"""The judge of the demonstration: whatever is wrong with the book, it cannot look away."""

import random
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.compare import UNREADABLE, Comparison, Row, compare
from simulators.scenario import Fact, plan

UNIT = "340123450001000009"
OTHER_UNIT = "340123450001000016"
ITEM = "04012345000016"
PIECES = tuple(f"https://id.gs1.org/01/{ITEM}/21/{serial}" for serial in ("17", "18", "19"))

STEPS = {
    "received": ("receiving", "in_progress"),
    "returned": ("receiving", "returned"),
    "stored": ("storing", "sellable_not_accessible"),
    "picked": ("picking", "in_progress"),
    "short": ("picking", "mismatch_quantity"),
    "packed": ("packing", "in_progress"),
    "loaded": ("loading", "in_progress"),
    "departed": ("departing", "in_transit"),
    "lost": (None, "unknown"),
}

SITE = "https://dc-north.example"
FACTS = (
    Fact.of("received", f"unit:{UNIT}"),
    Fact.of("stored", f"unit:{UNIT}"),
    Fact.of("received", f"unit:{OTHER_UNIT}"),
    Fact.of("lost", f"unit:{OTHER_UNIT}"),
    Fact.of("picked", "order:SO-1", line="1", item=ITEM, quantity=3),
    Fact.of("short", "order:SO-1", line="2", item=ITEM, quantity=1, requested=4),
    Fact.of("packed", "unit:340123450005000005", order="SO-1", children=PIECES),
    Fact.of("loaded", "unit:340123450005000005", order="SO-1"),
    Fact.of("departed", "unit:340123450005000005", order="SO-1"),
    Fact.of("returned", "unit:340123450005000005", rma="RMA-1"),
    Fact.of("returned", "unit:340123450005000005", rma="RMA-2"),
)


@dataclass
class Booked:
    number: int
    body: dict[str, Any] = field(default_factory=dict)


def event(fact: Fact) -> dict[str, Any]:
    """Write the fact as the EPCIS event that tells it rightly."""
    detail: dict[str, Any] = dict(fact.detail)
    step, disposition = STEPS[fact.name]
    body: dict[str, Any] = {
        "eventID": f"urn:uuid:{fact!r}",
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventTimeZoneOffset": "+00:00",
        "disposition": disposition,
        "bizTransactionList": [],
    }
    if step is not None:
        body["bizStep"] = step
    what, _, number = fact.key.partition(":")
    order = number if what == "order" else detail.get("order")
    if order:
        body["bizTransactionList"].append(
            {"type": f"{SITE}/bt/order", "bizTransaction": f"{SITE}/order/{order}"}
        )
    if "rma" in detail:
        body["bizTransactionList"].append(
            {"type": "rma", "bizTransaction": f"{SITE}/rma/{detail['rma']}"}
        )
    if fact.name == "packed":
        body |= {"type": "AggregationEvent", "action": "ADD"}
        body["parentID"] = f"https://id.gs1.org/00/{number}"
        body["childEPCs"] = list(reversed(detail["children"]))
    elif what == "unit":
        body["epcList"] = [f"https://id.gs1.org/00/{number}"]
    else:
        item = f"https://id.gs1.org/01/{detail['item']}"
        body["quantityList"] = [{"epcClass": item, "quantity": detail["quantity"]}]
        body["milepost:line"] = detail["line"]
        if "requested" in detail:
            body["milepost:requestedQuantity"] = detail["requested"]
    return body


def book(bodies: Iterable[dict[str, Any]]) -> list[Booked]:
    return [Booked(number, deepcopy(body)) for number, body in enumerate(bodies, start=1)]


def right_book(truth: Sequence[Fact] = FACTS) -> list[Booked]:
    return book(event(fact) for fact in truth)


def counters(comparison: Comparison) -> dict[str, int]:
    total = comparison.total
    return {
        "lost": total.lost,
        "duplicated": total.duplicated,
        "invented": total.invented,
        "out_of_order": total.out_of_order,
    }


def found(**expected: int) -> dict[str, int]:
    return {"lost": 0, "duplicated": 0, "invented": 0, "out_of_order": 0} | expected


def test_a_right_book_has_no_fault() -> None:
    comparison = compare(FACTS, right_book())
    assert comparison.is_faultless
    assert comparison.total == Row(expected=len(FACTS), delivered=len(FACTS))
    assert comparison.rows["returned"] == Row(expected=2, delivered=2)


def test_an_empty_book_has_lost_everything() -> None:
    comparison = compare(FACTS, [])
    assert counters(comparison) == found(lost=len(FACTS))
    assert comparison.lost == list(FACTS)
    assert not comparison.is_faultless


@pytest.mark.parametrize("index", range(len(FACTS)))
def test_a_missing_booking_is_lost(index: int) -> None:
    bookings = right_book()
    del bookings[index]
    comparison = compare(FACTS, bookings)
    assert counters(comparison) == found(lost=1)
    assert comparison.lost == [FACTS[index]]
    assert comparison.rows[FACTS[index].name].lost == 1
    assert not comparison.is_faultless


@pytest.mark.parametrize("index", range(len(FACTS)))
def test_a_second_booking_is_duplicated_whatever_its_id(index: int) -> None:
    again = event(FACTS[index]) | {"eventID": "urn:uuid:another"}
    comparison = compare(FACTS, [*right_book(), Booked(99, again)])
    assert counters(comparison) == found(duplicated=1)
    assert comparison.duplicated == [FACTS[index]]
    assert comparison.rows[FACTS[index].name].duplicated == 1
    assert not comparison.is_faultless


def test_a_booking_of_what_did_not_happen_is_invented() -> None:
    fact = Fact.of("stored", f"unit:{OTHER_UNIT}")
    comparison = compare(FACTS, [*right_book(), Booked(99, event(fact))])
    assert counters(comparison) == found(invented=1)
    assert [(i.number, i.name, i.fact) for i in comparison.invented] == [(99, "stored", fact)]
    assert comparison.rows["stored"].invented == 1
    assert not comparison.is_faultless


Tamper = Callable[[dict[str, Any]], None]


def put(**fields: Any) -> Tamper:
    return lambda body: body.update(fields)


def drop(name: str) -> Tamper:
    return lambda body: body.pop(name) and None


WRONG_CONTENT: dict[str, tuple[str, Tamper]] = {
    "another unit": ("received", put(epcList=[f"https://id.gs1.org/00/{UNIT[:-1]}0"])),
    "two units": ("received", lambda b: b["epcList"].append("https://id.gs1.org/00/1")),
    "no unit": ("received", put(epcList=[])),
    "a unit that is no SSCC": ("stored", put(epcList=[f"https://dc-north.example/{UNIT}"])),
    "units as text": ("stored", put(epcList=f"https://id.gs1.org/00/{UNIT}")),
    "another quantity": ("picked", lambda b: b["quantityList"][0].update(quantity=2)),
    "half a piece": ("picked", lambda b: b["quantityList"][0].update(quantity=3.5)),
    "a quantity as text": ("picked", lambda b: b["quantityList"][0].update(quantity="3")),
    "not a number": ("picked", lambda b: b["quantityList"][0].update(quantity=float("nan"))),
    "true as a quantity": ("short", lambda b: b["quantityList"][0].update(quantity=True)),
    "another item": (
        "picked",
        lambda b: b["quantityList"][0].update(epcClass="https://id.gs1.org/01/04012345000023"),
    ),
    "two items": ("picked", lambda b: b["quantityList"].append(b["quantityList"][0])),
    "no quantity": ("picked", drop("quantityList")),
    "another line": ("picked", put(**{"milepost:line": "7"})),
    "no line": ("picked", drop("milepost:line")),
    "another order": (
        "picked",
        lambda b: b["bizTransactionList"][0].update(bizTransaction=f"{SITE}/order/SO-2"),
    ),
    "no order": ("picked", put(bizTransactionList=[])),
    "two orders": (
        "picked",
        lambda b: b["bizTransactionList"].append({"bizTransaction": f"{SITE}/order/SO-2"}),
    ),
    "transactions as text": ("picked", put(bizTransactionList=[f"{SITE}/order/SO-1"])),
    "picked instead of short": ("short", put(disposition="in_progress")),
    "short instead of picked": ("picked", put(disposition="mismatch_quantity")),
    "another requested quantity": ("short", put(**{"milepost:requestedQuantity": 5})),
    "no requested quantity": ("short", drop("milepost:requestedQuantity")),
    "a piece missing": ("packed", lambda b: b["childEPCs"].pop() and None),
    "a piece too many": ("packed", lambda b: b["childEPCs"].append(PIECES[0][:-1] + "5")),
    "a piece twice": ("packed", lambda b: b["childEPCs"].append(PIECES[0])),
    "no pieces": ("packed", drop("childEPCs")),
    "another parent": ("packed", put(parentID=f"https://id.gs1.org/00/{UNIT}")),
    "no parent": ("packed", drop("parentID")),
    "packed without its order": ("packed", put(bizTransactionList=[])),
    "unpacked": ("packed", put(action="DELETE")),
    "packed as an object": ("packed", put(type="ObjectEvent", action="OBSERVE")),
    "loaded without its order": ("loaded", put(bizTransactionList=[])),
    "departed with another order": (
        "departed",
        lambda b: b["bizTransactionList"][0].update(bizTransaction=f"{SITE}/order/SO-2"),
    ),
    "returned without its RMA": ("returned", put(bizTransactionList=[])),
    "returned with another RMA": (
        "returned",
        lambda b: b["bizTransactionList"][0].update(bizTransaction=f"{SITE}/rma/RMA-9"),
    ),
    "received instead of returned": ("returned", put(disposition="in_progress")),
    "lost with a step": ("lost", put(bizStep="storing")),
    "another disposition than unknown": ("lost", put(disposition="in_progress")),
    "a step of our own": ("stored", put(bizStep="putaway")),
    "a step of another vocabulary": ("stored", put(bizStep="https://example.com/BizStep-storing")),
    "a deletion": ("stored", put(action="DELETE")),
    "another kind of event": ("stored", put(type="TransactionEvent")),
    "no kind": ("stored", drop("type")),
    "nothing at all": ("stored", lambda b: b.clear()),
}


@pytest.mark.parametrize("name", WRONG_CONTENT)
def test_wrong_content_is_lost_and_invented(name: str) -> None:
    milestone, tamper = WRONG_CONTENT[name]
    bookings = right_book()
    target = next(i for i, fact in enumerate(FACTS) if fact.name == milestone)
    tamper(bookings[target].body)
    comparison = compare(FACTS, bookings)
    assert counters(comparison) == found(lost=1, invented=1)
    assert comparison.lost == [FACTS[target]]
    assert comparison.invented[0].number == target + 1


def test_a_booking_that_states_no_known_fact_is_counted_as_unreadable() -> None:
    comparison = compare(FACTS, [*right_book(), Booked(99, {"bizStep": "dancing"})])
    assert comparison.rows[UNREADABLE].invented == 1
    assert "dancing" in comparison.invented[0].reason


def test_bookings_of_one_key_in_the_wrong_order_are_out_of_order() -> None:
    truth = FACTS[:2]
    comparison = compare(truth, book([event(truth[1]), event(truth[0])]))
    assert counters(comparison) == found(out_of_order=1)
    assert comparison.out_of_order == [(truth[0], truth[1])]
    assert comparison.rows["received"].out_of_order == 1
    assert not comparison.is_faultless


def test_each_inverted_pair_of_a_key_counts() -> None:
    truth = FACTS[6:]
    comparison = compare(truth, book(event(fact) for fact in reversed(truth)))
    assert counters(comparison) == found(out_of_order=10)


def test_order_between_keys_does_not_matter() -> None:
    keys = sorted({fact.key for fact in FACTS}, reverse=True)
    assert compare(
        FACTS, book(event(fact) for key in keys for fact in FACTS if fact.key == key)
    ).is_faultless


def test_the_book_is_read_in_the_order_of_its_numbers() -> None:
    bookings = right_book()
    random.Random(1).shuffle(bookings)
    assert compare(FACTS, bookings).is_faultless
    for booking in bookings:
        booking.number = -booking.number
    assert compare(FACTS, bookings).total.out_of_order > 0


def retraction(fact: Fact) -> dict[str, Any]:
    return event(fact) | {
        "errorDeclaration": {
            "declarationTime": "2026-01-01T00:00:01.000Z",
            "reason": "did_not_occur",
        }
    }


def test_a_retracted_invention_is_no_fault() -> None:
    wrong = Fact.of("stored", f"unit:{OTHER_UNIT}")
    bodies = [event(wrong), *map(event, FACTS), retraction(wrong)]
    assert compare(FACTS, book(bodies)).is_faultless


def test_a_retracted_truth_is_lost() -> None:
    comparison = compare(FACTS, book([*map(event, FACTS), retraction(FACTS[0])]))
    assert counters(comparison) == found(lost=1)


def test_a_retraction_cancels_one_booking_not_its_duplicate() -> None:
    bodies = [*map(event, FACTS), event(FACTS[0]), event(FACTS[0]), retraction(FACTS[0])]
    assert counters(compare(FACTS, book(bodies))) == found(duplicated=1)


def test_a_retraction_of_what_is_not_booked_before_it_is_invented() -> None:
    wrong = Fact.of("stored", f"unit:{OTHER_UNIT}")
    only = compare(FACTS, book([*map(event, FACTS), retraction(wrong)]))
    assert counters(only) == found(invented=1)
    early = compare(FACTS, book([retraction(wrong), *map(event, FACTS), event(wrong)]))
    assert counters(early) == found(invented=2)


def test_a_fact_corrected_by_a_retraction_and_a_new_booking_is_delivered() -> None:
    wrong = Fact.of("picked", "order:SO-1", line="1", item=ITEM, quantity=2)
    bodies = [*map(event, FACTS[:4]), event(wrong), retraction(wrong), *map(event, FACTS[4:])]
    assert compare(FACTS, book(bodies)).is_faultless


@pytest.mark.parametrize(
    ("step", "disposition", "type_"),
    [
        *[
            (f"https://{host}.gs1.org/cbv/BizStep-", f"https://{host}.gs1.org/cbv/Disp-", None)
            for host in ("ref", "ns")
        ],
        ("cbv:BizStep-", "cbv:Disp-", "cbv:BTT-rma"),
        ("urn:epcglobal:cbv:bizstep:", "urn:epcglobal:cbv:disp:", "urn:epcglobal:cbv:btt:rma"),
    ],
)
def test_vocabulary_may_be_written_out(step: str, disposition: str, type_: str | None) -> None:
    bookings = right_book()
    for booking in bookings:
        if "bizStep" in booking.body:
            booking.body["bizStep"] = step + booking.body["bizStep"]
        booking.body["disposition"] = disposition + booking.body["disposition"]
        for transaction in booking.body["bizTransactionList"]:
            if transaction["type"] == "rma" and type_:
                number = transaction["bizTransaction"].rpartition("/")[2]
                transaction |= {"type": type_, "bizTransaction": f"urn:x:{number}"}
    assert compare(FACTS, bookings).is_faultless


def test_a_truth_that_says_a_fact_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="2 times"):
        compare([FACTS[0], FACTS[0]], right_book())


SCENARIO = plan(11, 30)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_tampering_of_a_whole_book_is_counted_exactly(data: st.DataObject) -> None:
    truth = SCENARIO.truth
    chosen = data.draw(
        st.lists(st.integers(0, len(truth) - 1), unique=True, max_size=30), label="touched"
    )
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(chosen))] * 2), label="cuts"))
    dropped, repeated, altered = chosen[:first], chosen[first:second], chosen[second:]

    bodies = [event(fact) for fact in truth]
    for index in altered:
        bodies[index]["bizTransactionList"] = [{"bizTransaction": f"{SITE}/order/SO-0"}]
        bodies[index]["disposition"] = "in_progress"
        bodies[index]["bizStep"] = "inspecting"
    kept = [body for index, body in enumerate(bodies) if index not in dropped]
    comparison = compare(truth, book([*kept, *(bodies[index] for index in repeated)]))

    assert counters(comparison) == found(
        lost=len(dropped) + len(altered), duplicated=len(repeated), invented=len(altered)
    )
    assert comparison.total.expected == len(truth)
    assert comparison.total.delivered == len(truth) - len(dropped) - len(altered)
    assert set(comparison.lost) == {truth[index] for index in [*dropped, *altered]}
    assert set(comparison.duplicated) == {truth[index] for index in repeated}


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_disorder_of_a_key_is_seen_and_none_is_imagined(shuffle: random.Random) -> None:
    truth = SCENARIO.truth
    place = {fact: index for index, fact in enumerate(truth)}
    mixed = list(truth)
    shuffle.shuffle(mixed)
    comparison = compare(truth, book(map(event, mixed)))
    inverted = {
        (late, early)
        for index, late in enumerate(mixed)
        for early in mixed[:index]
        if early.key == late.key and place[early] > place[late]
    }
    assert set(comparison.out_of_order) == inverted
    assert counters(comparison) == found(out_of_order=len(inverted))
