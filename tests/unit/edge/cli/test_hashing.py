"""`milepost hash` gives what others print for the same events, and names what is none."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from edge.cli.app import app
from edge.exits import Exit

VECTORS = Path(__file__).parents[1] / "milestones/event_hash/vectors.json"
OWN = orjson.loads(VECTORS.read_bytes())
EVENTS = [vector["event"] for vector in OWN["vectors"]]
HASHES = [vector["hash"] for vector in OWN["vectors"]]


def hashed(*arguments: str, told: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["hash", *arguments], input=told)


def document(events: list[dict[str, Any]]) -> bytes:
    body = {"eventList": events}
    return orjson.dumps({"@context": OWN["@context"], "type": "EPCISDocument", "epcisBody": body})


def test_each_event_of_a_document_is_a_line_with_its_event_id(tmp_path: Path) -> None:
    file = tmp_path / "document.jsonld"
    file.write_bytes(document(EVENTS))
    done = hashed(str(file))
    assert done.exit_code == 0
    named = zip(HASHES, EVENTS, strict=True)
    assert done.stdout.splitlines() == [
        f"{hash_}  {event['eventID']}" if "eventID" in event else hash_ for hash_, event in named
    ]


def test_a_list_of_events_is_read_from_standard_input() -> None:
    told = orjson.dumps([event | {"@context": OWN["@context"]} for event in EVENTS[:2]])
    lines = hashed("-", told=told).stdout.splitlines()
    assert [line.split()[0] for line in lines] == HASHES[:2]


def test_the_text_behind_a_hash_is_shown_when_asked_for() -> None:
    done = hashed("--pre-hash", "-", told=document(EVENTS[:1]))
    assert done.stdout.startswith("eventType=ObjectEventeventTime=2026-01-21T12:53:20.000Z")
    assert done.stdout.endswith("{https://milepost.example/ns/}rule=received\n")


def test_what_is_no_event_is_named_and_the_others_are_hashed() -> None:
    done = hashed("-", told=document([EVENTS[0], {"type": "ObjectEvent"}, EVENTS[1]]))
    assert done.exit_code == Exit.CONFIGURATION
    assert [line.split()[0] for line in done.stdout.splitlines()] == HASHES[:2]
    assert done.stderr.startswith("-: event 2: not an EPCIS event")


@pytest.mark.parametrize(
    ("told", "fault"), [(b"{", "-: not JSON: "), (b"3", "-: neither an EPCIS event")]
)
def test_a_file_that_holds_no_events_is_a_fault(told: bytes, fault: str) -> None:
    done = hashed("-", told=told)
    assert (done.exit_code, done.stdout) == (Exit.CONFIGURATION, "")
    assert done.stderr.startswith(fault)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    done = hashed(str(tmp_path / "none.json"))
    assert done.exit_code == Exit.CONFIGURATION
    assert "none.json: cannot be read (No such file or directory)" in done.stderr
