"""What a machine tells in numbers is read in words."""

from typing import Any

import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, ObservationSettings

MAPPING: dict[str, Any] = {
    "source": "plc",
    "subject": "+/state",
    "kind": "machine-state",
    "fields": {"device": "subject/0", "state": ".", "again": ".?"},
    "words": {"state": {"6": "execute", "9": "aborted", "true": "on", "Idle": "idle"}},
}


def decode(payload: bytes, **more: object) -> dict[str, object]:
    decoder = Decoder([ObservationSettings.model_validate(MAPPING | more)])
    (seen,) = decoder.decode(1, "plc", Signal("packer-1/state", payload, 1_769_000_000_000))
    return dict(seen.fields)


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (b"6", "execute"),
        (b"6.0", "execute"),
        (b'"6"', "execute"),
        (b"9", "aborted"),
        (b"true", "on"),
        (b'"Idle"', "idle"),
        (b"7", 7),
        (b"false", False),
        (b'"idle"', "idle"),
        (b'"IDLE"', "IDLE"),
    ],
)
def test_a_value_becomes_its_word_or_stays_as_it_is_told(payload: bytes, state: object) -> None:
    found = decode(payload)["state"]
    assert (found, type(found)) == (state, type(state))


def test_only_the_named_field_has_words() -> None:
    assert decode(b"6") == {"device": "packer-1", "state": "execute", "again": 6}


def test_a_field_that_is_missing_has_no_word() -> None:
    assert decode(b"null", fields={"state": ".?"}) == {}


def test_expressions_see_the_words() -> None:
    assert decode(b"6", compute={"runs": "state == 'execute'"})["runs"] is True


def test_a_format_s_own_field_may_have_words() -> None:
    action = b'{"actionId": "a", "actionStatus": "FINISHED"}'
    payload = (
        b'{"timestamp": "2026-01-21T12:53:20Z", "manufacturer": "Acme", "serialNumber": "7", '
        b'"actionStates": [' + action + b"]}"
    )
    found = decode(payload, format="vda5050", fields={}, words={"status": {"FINISHED": "done"}})
    assert found["status"] == "done"
