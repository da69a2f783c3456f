"""What is put on the wire for an entry."""

import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

import orjson
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import Entry
from drivers.http.encode import batch, headers


def test_the_headers_are_those_of_a_cloudevent_in_binary_mode(entry: Entry) -> None:
    assert headers(entry) == {
        "content-type": "application/json",
        "idempotency-key": '"019590f1a07d7000a1b2c3d4e5f60718"',
        "ce-specversion": "1.0",
        "ce-id": "019590f1a07d7000a1b2c3d4e5f60718",
        "ce-source": "https://dc-north.example",
        "ce-type": "milepost.milestone.departed.v1",
        "ce-subject": "unit:340000000000000017",
        "ce-time": "2026-03-01T08:00:00.125Z",
    }


def test_the_example_of_the_specification_is_encoded_as_it_says(entry: Entry) -> None:
    # CloudEvents 1.0.2, HTTP protocol binding, section 3.1.3.2.
    assert headers(replace(entry, key="Euro € 😀"))["ce-subject"] == (
        "Euro%20%E2%82%AC%20%F0%9F%98%80"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_key_travels_as_visible_ascii_and_comes_back(key: str) -> None:
    sent = headers(Entry("0" * 32, key, "lost", 0, "https://dc.example", b"{}", 1))["ce-subject"]

    assert re.fullmatch(r"[!-~]+", sent)
    assert '"' not in sent
    assert unquote(sent, errors="strict") == key


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_no_millisecond_is_lost_from_the_time(time: int) -> None:
    sent = headers(Entry("0" * 32, "unit:1", "lost", time, "https://dc.example", b"{}", 1))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", sent["ce-time"])
    assert round(datetime.fromisoformat(sent["ce-time"]).timestamp() * 1000) == time


def test_a_retraction_names_the_delivery_to_take_back_alone_and_in_a_batch(entry: Entry) -> None:
    retraction = replace(entry, id="a" * 32, retracts=entry.id)
    assert headers(retraction)["ce-milepostretracts"] == entry.id
    assert headers(retraction)["idempotency-key"] == f'"{"a" * 32}"'
    told, taken_back = orjson.loads(batch([entry, retraction]))
    assert "milepostretracts" not in told
    assert (taken_back["id"], taken_back["milepostretracts"]) == ("a" * 32, entry.id)


def test_no_attempt_differs_from_the_first(entry: Entry) -> None:
    assert headers(entry) == headers(replace(entry, attempt=7))
