"""The simulated ERP: it books once, tells the truth, and misbehaves only as ordered."""

import concurrent.futures
import json
from pathlib import Path

import httpx
import pytest

from simulators.erp.faults import Faults
from simulators.erp_process import ErpFailed, ErpProcess
from tests.unit.simulators.erp_client import BODY, headers_of, lines, post, wait_until_booked


def test_a_key_is_booked_once_and_keeps_its_receipt(erp: ErpProcess) -> None:
    first, second = post(erp), post(erp)

    assert (first.status_code, first.json()) == (201, {"receipt": "ERP-000001"})
    assert second.status_code == 409
    assert second.headers["content-type"] == "application/problem+json"
    assert second.json()["type"] == "urn:erp:already-booked"
    assert second.json()["receipt"] == "ERP-000001"
    [line] = erp.book()
    assert (line.number, line.key, line.body) == (1, "a1", json.loads(BODY))
    assert (line.type, line.subject) == ("milepost.milestone.stored.v1", "unit:1")
    state = erp.state()
    assert (state["bookings"], state["posts"], state["repeats"]) == (1, 2, 1)


def test_a_key_with_other_bytes_is_refused_and_counted(shared: ErpProcess) -> None:
    before = shared.state()
    post(shared, "changed")

    assert post(shared, "changed", body=BODY + b" ").status_code == 422
    after = shared.state()
    assert after["bookings"] == before["bookings"] + 1
    assert after["repeats"] == before["repeats"]
    assert after["mismatches"] == before["mismatches"] + 1


def test_a_retraction_takes_back_the_posting_that_it_names_and_no_other(
    shared: ErpProcess,
) -> None:
    for key in ("told 1", "told 2", "told 3"):
        post(shared, key)
    post(shared, "back", retracts="told 2")
    post(shared, "back", retracts="told 2")
    post(shared, "back from nothing", retracts="never told")
    post_batch(shared, event_of("together 1"), event_of("together 2", milepostretracts="told 3"))
    book = lines(shared, "told 1", "told 2", "told 3", "back", "back from nothing", "together 2")
    number = {line.key: line.number for line in book}
    assert {line.key: line.reverses for line in book} == {
        "told 1": None,
        "told 2": None,
        "told 3": None,
        "back": number["told 2"],
        "back from nothing": None,
        "together 2": number["told 3"],
    }


def test_each_line_of_the_book_has_a_number_of_its_own_in_order(shared: ErpProcess) -> None:
    keys = [f"k{number}" for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = dict(
            zip(keys, clients.map(lambda key: post(shared, key, patience=30), keys), strict=True)
        )

    book = lines(shared, *keys)
    first = book[0].number
    assert [line.number for line in book] == list(range(first, first + 40))
    assert {line.key: f"ERP-{line.number:06d}" for line in book} == {
        key: answer.json()["receipt"] for key, answer in answers.items()
    }


def test_a_post_without_what_it_needs_is_refused_by_name(shared: ErpProcess) -> None:
    for header in ("idempotency-key", "ce-id", "ce-source", "ce-type", "ce-specversion"):
        answer = post(shared, "incomplete", drop=header)
        assert answer.status_code == 400
        assert header in answer.json()["detail"].lower()

    assert lines(shared, "incomplete") == []


def test_a_body_that_is_no_event_is_refused(shared: ErpProcess) -> None:
    for body in (b"", b"<xml/>", b"[]", b'{"type": "ObjectEvent"}', b"\xff"):
        assert post(shared, "bodiless", body=body).status_code == 400

    assert lines(shared, "bodiless") == []


def test_only_what_is_booked_can_be_looked_up(shared: ErpProcess) -> None:
    receipt = post(shared, "sought").json()

    found, missing = (httpx.get(shared.look_up.format(id=key)) for key in ("sought", "missing"))
    assert (found.status_code, found.json()) == (200, receipt)
    assert missing.status_code == 404


def test_while_down_connections_are_refused_and_standing_ones_dropped(shared: ErpProcess) -> None:
    with httpx.Client(trust_env=False) as standing:
        assert standing.get(shared.look_up.format(id="nothing")).status_code == 404
        with shared.down():
            assert shared.state()["mode"] == "down"
            with pytest.raises(httpx.TransportError):
                standing.get(shared.look_up.format(id="nothing"))
            with pytest.raises(httpx.ConnectError):
                post(shared, "down")

    assert shared.state()["mode"] == "up"
    assert post(shared, "up again").status_code == 201


def test_an_error_can_come_before_the_booking_or_after_it(shared: ErpProcess) -> None:
    with shared.faulty(error_rate=1):
        assert post(shared, "error before").status_code == 500
    with shared.faulty(error_after_booking_rate=1):
        assert post(shared, "error after").status_code == 500

    assert len(lines(shared, "error before", "error after")) == 1
    assert len(lines(shared, "error after")) == 1


def test_a_booking_can_lose_its_answer_in_silence_or_by_a_cut(shared: ErpProcess) -> None:
    with shared.faulty(swallow_rate=1), pytest.raises(httpx.ReadTimeout):
        post(shared, "swallowed", patience=0.5)
    with shared.faulty(cut_rate=1), pytest.raises(httpx.RemoteProtocolError):
        post(shared, "cut")

    wait_until_booked(shared, "swallowed")
    wait_until_booked(shared, "cut")
    faults = shared.state()["faults"]
    assert (faults["swallowed"], faults["cut"]) == (1, 1)


def test_a_slow_posting_is_booked_although_the_client_has_gone(shared: ErpProcess) -> None:
    with shared.faulty(delay_seconds=0.5), pytest.raises(httpx.ReadTimeout):
        post(shared, "slow", patience=0.2)

    wait_until_booked(shared, "slow")
    assert post(shared, "slow").status_code == 409


def test_poison_is_refused_by_key_or_subject_until_it_is_lifted(shared: ErpProcess) -> None:
    with shared.faulty(reject_keys=["poison"], reject_subjects=["order:Größe"]):
        assert post(shared, "poison").status_code == 422
        assert post(shared, "p2", subject="order:Gr%C3%B6%C3%9Fe").status_code == 422
        assert post(shared, "p3").status_code == 201

    assert post(shared, "poison").status_code == 201
    assert shared.state()["faults"]["rejected"] == 2


def test_an_order_changes_only_what_it_names(shared: ErpProcess) -> None:
    with shared.faulty(error_rate=0.25):
        with shared.faulty(cut_rate=0.5):
            faults = shared.faults()
            assert (faults["error_rate"], faults["cut_rate"]) == (0.25, 0.5)
            with pytest.raises(ErpFailed, match="add up to more than 1"):
                shared.faults(swallow_rate=0.5)
            with pytest.raises(ErpFailed, match="explode"):
                shared.faults(explode=True)
            assert shared.faults() == faults
        assert shared.faults()["error_rate"] == 0.25

    assert shared.faults() == Faults().model_dump(mode="json")


# ---- Batches ---------------------------------------------------------------------------------


def event_of(key: str, **changed: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": key,
        "source": "https://dc.example",
        "type": "milepost.milestone.stored.v1",
        "subject": "unit:1",
        "data": json.loads(BODY),
        **changed,
    }


def post_batch(erp: ErpProcess, *events: object) -> httpx.Response:
    kind = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
    content = json.dumps(events).encode()
    return httpx.post(erp.url, headers=kind, content=content, timeout=10, verify=False)


def test_a_batch_is_booked_in_its_order_and_each_event_has_a_result(shared: ErpProcess) -> None:
    post(shared, "b1", body=json.dumps(json.loads(BODY), separators=(",", ":")).encode())
    keys = ["b0", "b1", "b2", "b0"]
    with shared.faulty(reject_keys=["b2"]):
        answer = post_batch(shared, *map(event_of, keys), event_of("b3", type=None), {"id": "b4"})

    assert answer.status_code == 200
    told = answer.json()["results"]
    assert [each["id"] for each in told] == [*keys, "b3", "b4"]
    assert [each["status"] for each in told] == [201, 409, 422, 409, 400, 400]
    assert told[0]["receipt"] == told[3]["receipt"]
    [line] = lines(shared, "b0")
    assert (line.body, line.subject) == (json.loads(BODY), "unit:1")
    assert line.type == "milepost.milestone.stored.v1"
    assert lines(shared, "b2", "b3", "b4") == []


def test_an_event_of_a_batch_with_other_data_under_its_key_is_refused(shared: ErpProcess) -> None:
    post_batch(shared, event_of("b5"))
    before = shared.state()["mismatches"]
    other = {"type": "ObjectEvent", "eventTime": "2026-03-02T08:00:00.000Z"}

    assert post_batch(shared, event_of("b5", data=other)).json()["results"][0]["status"] == 422
    assert shared.state()["mismatches"] == before + 1


def test_all_or_nothing_refuses_a_batch_without_telling_why(shared: ErpProcess) -> None:
    with shared.faulty(all_or_nothing=True, reject_keys=["c1"]):
        answer = post_batch(shared, event_of("c0"), event_of("c1"))
        assert answer.status_code == 422
        assert "c1" not in answer.text
        assert lines(shared, "c0", "c1") == []
        assert post_batch(shared, event_of("c0")).json()["results"][0]["status"] == 201


def test_what_is_no_batch_is_refused(shared: ErpProcess) -> None:
    kind = {"content-type": "application/cloudevents-batch+json"}
    for body in (b"", b"{}", b"[1]", b"[{]"):
        answer = httpx.post(shared.url, headers=kind, content=body, verify=False)
        assert answer.status_code == 400


def test_a_request_larger_than_the_limit_in_force_is_refused_unbooked(shared: ErpProcess) -> None:
    with shared.faulty(max_bytes=400):
        assert post_batch(shared, event_of("d0"), event_of("d1")).status_code == 413
        assert post_batch(shared, event_of("d0")).status_code == 200
    assert [line.key for line in lines(shared, "d0", "d1")] == ["d0"]
    assert post_batch(shared, event_of("d1"), event_of("d2")).status_code == 200


# ---- Overload --------------------------------------------------------------------------------


def test_requests_above_the_rate_are_told_when_to_come_again(shared: ErpProcess) -> None:
    with shared.faulty(requests_per_second=0.5):
        answers = [post(shared, f"rate {number}") for number in range(3)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[-1] == 429
        assert set(statuses) <= {201, 429}
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
        assert len(lines(shared, *(f"rate {number}" for number in range(3)))) == statuses.count(201)

    assert post(shared, "rate 2").status_code == 201


def test_a_crowd_is_slower_than_one_alone(shared: ErpProcess) -> None:
    with (
        shared.faulty(crowd_delay_seconds=0.2, delay_seconds=0.1),
        concurrent.futures.ThreadPoolExecutor(6) as clients,
    ):
        alone = post(shared, "alone").elapsed.total_seconds()
        crowd = list(clients.map(lambda number: post(shared, f"crowd {number}"), range(6)))

    assert max(answer.elapsed.total_seconds() for answer in crowd) > alone + 0.2


# ---- Life ------------------------------------------------------------------------------------


def test_what_was_answered_survives_a_kill(erp: ErpProcess) -> None:
    post(erp)
    erp.kill()
    assert [line.key for line in erp.book()] == ["a1"]

    erp.start()
    assert post(erp).json()["receipt"] == "ERP-000001"
    assert post(erp, "a2").json()["receipt"] == "ERP-000002"


def test_it_stops_cleanly_while_a_request_is_held(erp: ErpProcess) -> None:
    erp.faults(swallow_rate=1)
    with concurrent.futures.ThreadPoolExecutor(1) as client:
        held = client.submit(
            httpx.post, erp.url, headers=headers_of("held"), content=BODY, timeout=30
        )
        wait_until_booked(erp, "held")
        erp.stop()  # raises unless it ended by itself, with code 0
        with pytest.raises(httpx.TransportError):
            held.result()


def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_text("this is no database, but it is long enough to be read")
    process = ErpProcess(tmp_path)
    try:
        with pytest.raises(ErpFailed, match="file is not a database"):
            process.start()
    finally:
        process.close()
