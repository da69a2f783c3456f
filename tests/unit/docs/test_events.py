"""docs/events.md and its schema say what the code does, of every milestone."""

import re
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest

from docs.reference import entries, events
from docs.reference.entries import ENTRIES, Entry
from docs.reference.events import examples, page, schema
from docs.reference.story import concluded
from edge.milestones.epcis import encode
from edge.milestones.model import SEVERITY, Name

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "events.md"
EPCIS = ROOT.parent / "shared/standards/epcis/schema/EPCIS-JSON-Schema.json"


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """Return the event of each example."""
    found = examples()
    told = {str(name): encode(milestone, found.site) for name, milestone in found.told.items()}
    told |= {"retraction": found.retraction, "correction": found.correction}
    return {name: orjson.loads(event) for name, event in told.items()}


def test_the_page_is_what_the_code_makes_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run `make docs`"


def test_the_schema_is_what_the_code_makes_it() -> None:
    file = PAGE.with_name("events.schema.json")
    assert file.read_text(encoding="utf-8") == schema(), "run `make docs`"


def test_the_page_shows_every_milestone_whole(told: dict[str, dict[str, Any]]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = [orjson.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    names = ["retraction", "correction", *Name]
    assert shown == [told[name] for name in names]
    assert re.findall("^### (.*)$", text, re.MULTILINE) == list(Name)


def test_what_is_always_there_by_the_page_is_there(told: dict[str, dict[str, Any]]) -> None:
    (always,) = re.findall(
        r"^Always there are (.*?)\. ", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    everywhere, of_exceptions = (
        set(re.findall("`([^`]+)`", part)) for part in always.split("; of exceptions ")
    )
    for name, event in told.items():
        assert everywhere <= event.keys(), name
        if event["milepost:milestone"] in SEVERITY:
            assert of_exceptions <= event.keys(), name


def test_a_milestone_without_an_entry_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: entry for name, entry in ENTRIES.items() if name is not Name.JAMMED}
    monkeypatch.setattr(events, "ENTRIES", without)
    with pytest.raises(ValueError, match=r"no entry in docs/reference/entries.py for jammed"):
        examples()


@pytest.mark.parametrize(
    ("name", "sample", "fault"),
    [
        (Name.JAMMED, {}, "the sample of jammed is missing"),
        (Name.PICKED, {"unit": entries.UNIT}, "the sample of picked is not needed"),
    ],
)
def test_a_sample_stands_exactly_where_the_example_configuration_has_no_rule(
    monkeypatch: pytest.MonkeyPatch, name: Name, sample: dict[str, Any], fault: str
) -> None:
    monkeypatch.setattr(events, "ENTRIES", {**ENTRIES, name: Entry("it happened", sample=sample)})
    with pytest.raises(ValueError, match=fault):
        examples()


def test_a_mark_that_is_missing_on_the_page_or_unknown_is_a_fault() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for wrong in (
        text.replace("make docs: facts", "facts"),
        text + "<!-- make docs: x -->\n<!-- end -->",
    ):
        with pytest.raises(ValueError, match="the page has the marks"):
            page(wrong)


def test_every_example_is_valid_by_the_schema_of_what_milepost_adds(
    told: dict[str, dict[str, Any]],
) -> None:
    valid = fastjsonschema.compile(orjson.loads(schema()))
    for event in told.values():
        valid(event)


@pytest.mark.parametrize(
    "wrong",
    [
        {"milepost:severity": "critical"},
        {"milepost:blocks": "order:SO-1"},
        {"milepost:severity": "bad", "milepost:blocks": "order:SO-1"},
        {"milepost:mark": "early"},
        {"milepost:requestedQuantity": "3"},
        {"milepost:ruleVersion": "1"},
        {"milepost:zone": {"name": "z"}},
        {"milepost:rule": None},
    ],
    ids=str,
)
def test_the_schema_refuses_what_milepost_never_says(
    told: dict[str, dict[str, Any]], wrong: dict[str, Any]
) -> None:
    valid = fastjsonschema.compile(orjson.loads(schema()))
    with pytest.raises(fastjsonschema.JsonSchemaException):
        valid(told[Name.RECEIVED] | wrong)


def test_every_example_is_valid_by_the_official_schema(told: dict[str, dict[str, Any]]) -> None:
    if not EPCIS.is_file():
        pytest.skip("the EPCIS schema is not here")
    valid = fastjsonschema.compile(orjson.loads(EPCIS.read_bytes()))
    for event in told.values():
        document = {"type": "EPCISDocument", "schemaVersion": "2.0"}
        document |= {"@context": event["@context"], "creationDate": event["eventTime"]}
        valid({**document, "epcisBody": {"eventList": [event]}})


def test_only_what_was_wrong_is_declared_false(told: dict[str, dict[str, Any]]) -> None:
    assert told["retraction"]["eventID"] == told[Name.LOST]["eventID"]
    assert told["correction"]["eventID"] == told[Name.MEASURED]["eventID"]
    false = [name for name, event in told.items() if "errorDeclaration" in event]
    assert false == ["retraction", "correction"]
    retraction = dict(told["retraction"])
    retraction.pop("errorDeclaration")
    assert retraction == told[Name.LOST]


def test_a_correction_names_the_event_that_is_true_instead() -> None:
    _, story = concluded()
    (correction,) = [each for each in story if each.corrected_by]
    (instead,) = [each for each in story if each.id in correction.corrected_by]
    assert (instead.name, instead.key) == (correction.name, correction.key)
    assert instead.attributes["count"] == correction.attributes["count"] + 1
