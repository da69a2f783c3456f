"""Several entries in one request: what is sent, and what each answer means for each of them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import Accepted, Divide, Entry, Rejected, Retry, Unknown, Verdict
from drivers.http import encode
from drivers.http.answer import Answer
from drivers.http.results import judge_batch
from drivers.http.verdicts import judge
from tests.unit.drivers.http.raw_server import RawServer, open_sink

PLACE = "https://erp.example/milestones"


def several(entry: Entry, count: int) -> list[Entry]:
    return [replace(entry, id=f"{number:032x}", key=f"unit:{number}") for number in range(count)]


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(PLACE, 0, status, named, body)


def results(*told: object) -> dict[str, object]:
    return {"results": list(told)}


def reply(status: int, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def verdicts(judged: Sequence[Verdict] | Divide) -> list[type[Verdict]]:
    assert not isinstance(judged, Divide)
    return [type(verdict) for verdict in judged]


# ---- What is sent ----------------------------------------------------------------------------


async def test_a_batch_is_cloudevents_with_each_body_byte_for_byte(
    server: RawServer, entry: Entry
) -> None:
    # Spaces, an escape and a number that decoding and encoding again would change.
    other = replace(entry, id="f" * 32, key="order:Größe", body=b'{"a" : 1.0,  "b": "\\u00e9"}')
    async with open_sink(server.url, batch={"max_entries": 2}) as sink:
        assert sink.batch_limit == 2
        await sink.deliver([entry, other])

    [request] = server.requests
    head, body = request.split(b"\r\n\r\n", 1)
    assert b"content-type: application/cloudevents-batch+json" in head.lower()
    assert b"idempotency-key" not in head.lower()
    assert entry.body in body
    assert other.body in body
    # CloudEvents 1.0.2: HTTP protocol binding, section 3.3; JSON format, section 4.
    assert json.loads(body) == [
        {
            "specversion": "1.0",
            "id": each.id,
            "source": "https://dc-north.example",
            "type": "milepost.milestone.departed.v1",
            "subject": each.key,
            "time": "2026-03-01T08:00:00.125Z",
            "datacontenttype": "application/json",
            "data": json.loads(each.body),
        }
        for each in (entry, other)
    ]


async def test_a_destination_of_batches_is_sent_a_single_entry_as_a_batch_too(
    server: RawServer, entry: Entry
) -> None:
    async with open_sink(server.url, batch={}) as sink:
        assert sink.batch_limit == 100
        assert verdicts(await sink.deliver([entry])) == [Accepted]

    assert [event["id"] for event in json.loads(server.requests[0].split(b"\r\n\r\n")[1])] == [
        entry.id
    ]


async def test_a_batch_that_is_too_large_is_divided_unsent_but_one_entry_is_always_sent(
    server: RawServer, entry: Entry
) -> None:
    both = several(entry, 2)
    limit = len(encode.batch(both))
    async with open_sink(server.url, batch={"max_bytes": limit}) as sink:
        assert verdicts(await sink.deliver(both)) == [Accepted, Accepted]
    async with open_sink(server.url, batch={"max_bytes": limit - 1}) as sink:
        divide = await sink.deliver(both)
    assert divide == Divide(f"{limit} bytes, and batch.max_bytes is {limit - 1}", too_large=True)
    assert len(server.requests) == 1

    async with open_sink(server.url, batch={"max_bytes": 1}) as sink:
        assert verdicts(await sink.deliver(both[:1])) == [Accepted]


# ---- An answer that tells the entries apart --------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 207])
def test_each_entry_is_judged_by_what_is_told_of_it(entry: Entry, status: int) -> None:
    entries = several(entry, 6)
    told = results(
        {"id": entries[2].id, "status": 422, "type": "urn:x:refused", "detail": "period closed"},
        {"id": entries[0].id, "status": 201, "receipt": "ERP-1"},
        {"id": entries[1].id, "status": 409, "type": "urn:x:already-booked"},
        {"id": entries[3].id, "status": 500},
        {"id": entries[4].id, "status": 429, "detail": "slowly"},
        {"id": "f" * 32, "status": 400},
    )

    assert judge_batch(answer(status, told, retry_after="7"), entries) == [
        Accepted('201 {"receipt":"ERP-1"}'),
        Accepted('there already: 409 {"type":"urn:x:already-booked"}'),
        Rejected("422 period closed"),
        Unknown("failed, perhaps after it was done: 500"),
        Retry("429 slowly", 7.0, overloaded=True),
        Unknown(f"the answer {status} to a batch does not tell of this milestone"),
    ]


def test_a_result_means_what_the_same_answer_to_the_entry_alone_would_mean(entry: Entry) -> None:
    words = {"type": "urn:x:told", "detail": "so it is"}
    compact = json.dumps(words, separators=(",", ":")).encode()
    for status in range(100, 600):
        told = results({"id": entry.id, "status": status, **words})
        alone = answer(status, compact, content_type="application/problem+json")
        assert judge_batch(answer(200, told), [entry]) == [judge(alone)]


@pytest.mark.parametrize(
    "told",
    [
        {"results": None},
        {"results": "ok"},
        results(),
        results(None, 7, "ok", []),
        results({"status": 201}),
        results({"id": 7, "status": 201}),
        results({"id": "0" * 32}),
        results({"id": "0" * 32, "status": "201"}),
        results({"id": "0" * 32, "status": True}),
        results({"id": "0" * 32, "status": 20.1}),
        results({"id": "0" * 32, "status": 99}),
        results({"id": "0" * 32, "status": 600}),
        results({"id": "0" * 32, "status": 201}, {"id": "0" * 32, "status": 422}),
    ],
)
def test_results_that_do_not_tell_of_an_entry_leave_its_outcome_unknown(
    entry: Entry, told: dict[str, Any]
) -> None:
    assert verdicts(judge_batch(answer(200, told), several(entry, 2))) == [Unknown, Unknown]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"results": [{"id": "00000000000000000000000000000000", "status": 201}'),
        (200, b'\xef\xbb\xbf{"results": ['),
        (200, b' \r\n[{"id"'),
        (207, b""),
        (207, b"<multistatus/>"),
        (207, b"{}"),
    ],
)
def test_an_answer_that_was_cut_or_tells_nothing_of_the_parts_is_never_taken_for_yes(
    entry: Entry, status: int, body: bytes
) -> None:
    judged = judge_batch(answer(status, body), several(entry, 2))

    assert verdicts(judged) == [Unknown, Unknown]


async def test_more_results_than_are_read_are_never_taken_for_yes(
    server: RawServer, entry: Entry
) -> None:
    both = several(entry, 2)
    server.reply = server.says(reply(200, b"it is done " * 20_000))
    async with open_sink(server.url, batch={}, timeout_seconds=5) as sink:
        assert verdicts(await sink.deliver(both)) == [Unknown, Unknown]


async def test_the_results_of_the_largest_batch_are_read_whole(
    server: RawServer, entry: Entry
) -> None:
    entries = several(entry, 500)
    told = [{"id": each.id, "status": 201, "detail": "x" * 1500} for each in entries]
    server.reply = server.says(reply(200, json.dumps(results(*told)).encode()))
    many = {"max_entries": 500, "max_bytes": 10_000_000}
    async with open_sink(server.url, batch=many, timeout_seconds=30) as sink:
        assert set(verdicts(await sink.deliver(entries))) == {Accepted}


# ---- One answer for all ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"ok", b"{}", b'{"receipt": "ERP-1"}', b"[]", b"\xef\xbb\xbf{}"]
)
def test_a_yes_without_results_speaks_of_all(entry: Entry, body: bytes) -> None:
    judged = judge_batch(answer(202, body), several(entry, 3))

    assert verdicts(judged) == [Accepted] * 3
    assert len(set(judged)) == 1  # type: ignore[arg-type]


def test_every_other_answer_speaks_of_all_or_divides_them(entry: Entry) -> None:
    for status in {*range(100, 200), *range(300, 600)}:
        alone = judge(answer(status))
        together = judge_batch(answer(status), several(entry, 3))

        assert judge_batch(answer(status), [entry]) == [alone]
        if status == 413:
            assert together == Divide("413", too_large=True)
            assert isinstance(alone, Rejected)
        elif isinstance(alone, Rejected):
            assert together == Divide(f"{status}", too_large=False)
        else:
            assert together == [alone] * 3


def test_a_batch_of_which_one_is_there_already_is_divided(entry: Entry) -> None:
    conflict = answer(409, {"type": "urn:x:already-booked"})

    assert isinstance(judge_batch(conflict, several(entry, 2)), Divide)
    assert verdicts(judge_batch(conflict, [entry])) == [Accepted]


async def test_a_batch_refused_for_its_size_while_it_is_sent_is_divided(
    server: RawServer, entry: Entry
) -> None:
    async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(413).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        while await reader.read(65536):
            pass

    server.reads_bodies = False
    server.reply = linger
    large = [replace(each, body=b'"' + b"x" * 2_000_000 + b'"') for each in several(entry, 2)]
    async with open_sink(server.url, batch={"max_bytes": 10_000_000}, timeout_seconds=5) as sink:
        assert await sink.deliver(large) == Divide("413", too_large=True)


async def test_a_refusal_that_is_lost_because_the_rest_was_not_read_leaves_all_unknown(
    server: RawServer, entry: Entry
) -> None:
    server.reads_bodies = False
    server.reply = server.says(reply(413))  # and the connection is reset
    large = [replace(each, body=b'"' + b"x" * 2_000_000 + b'"') for each in several(entry, 2)]
    async with open_sink(server.url, batch={"max_bytes": 10_000_000}, timeout_seconds=5) as sink:
        judged = await sink.deliver(large)

    # Whether the answer is read before the reset is the kernel's affair.
    assert isinstance(judged, Divide) or verdicts(judged) == [Unknown, Unknown]


@pytest.mark.parametrize("broken", [b"", reply(200)[:20], b"\x15\x03\x01\x00\x02"])
async def test_what_became_of_a_batch_without_an_answer_is_unknown_for_each(
    server: RawServer, entry: Entry, broken: bytes
) -> None:
    server.reply = server.says(broken)
    async with open_sink(server.url, batch={}) as sink:
        assert verdicts(await sink.deliver(several(entry, 3))) == [Unknown] * 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 700) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "status", "results", "type"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.integers(100, 599), json_values.map(lambda told: json.dumps(told).encode()) | st.binary())
def test_no_answer_accepts_an_entry_unless_it_is_a_yes(status: int, body: bytes) -> None:
    entries = [
        Entry(f"{n:032x}", f"unit:{n}", "stored", 0, "https://dc.example", b"{}", 1)
        for n in range(3)
    ]
    judged = judge_batch(answer(status, body), entries)

    if not isinstance(judged, Divide):
        assert len(judged) == 3
        assert 200 <= status < 300 or Accepted not in verdicts(judged)
