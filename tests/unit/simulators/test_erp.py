"""The simulated ERP: it books once, tells the truth, and misbehaves only as ordered."""

import concurrent.futures
import json
import time
from pathlib import Path

import httpx
import pytest

from simulators.erp.faults import Dice, Fate, Faults
from simulators.erp_process import ErpFailed, ErpProcess

BODY = json.dumps({"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.000Z"}).encode()


def headers_of(key: str, subject: str = "unit:1") -> dict[str, str]:
    return {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": key,
        "ce-source": "https://dc.example",
        "ce-type": "milepost.milestone.stored.v1",
        "ce-subject": subject,
        "idempotency-key": f'"{key}"',
    }


def post(
    erp: ErpProcess, key: str = "a1", body: bytes = BODY, drop: str = "", subject: str = "unit:1"
) -> httpx.Response:
    headers = headers_of(key, subject)
    headers.pop(drop, None)
    # Plain HTTP; loading certificates that nobody asks for would take most of the time.
    return httpx.post(erp.url, headers=headers, content=body, timeout=0.5, verify=False)


def wait_for_a_booking(erp: ErpProcess) -> None:
    deadline = time.monotonic() + 10
    while not erp.book():
        assert time.monotonic() < deadline, "nothing was booked"
        time.sleep(0.01)


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
    assert erp.state()["repeats"] == 1


def test_a_key_with_other_bytes_is_refused_and_counted(erp: ErpProcess) -> None:
    post(erp)

    assert post(erp, body=BODY + b" ").status_code == 422
    state = erp.state()
    assert (state["bookings"], state["repeats"], state["mismatches"]) == (1, 0, 1)


def test_each_line_of_the_book_has_a_number_of_its_own_in_order(erp: ErpProcess) -> None:
    keys = [f"k{number}" for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = dict(zip(keys, clients.map(lambda key: post(erp, key), keys), strict=True))

    book = erp.book()
    assert [line.number for line in book] == list(range(1, 41))
    assert {line.key: f"ERP-{line.number:06d}" for line in book} == {
        key: answer.json()["receipt"] for key, answer in answers.items()
    }


def test_a_post_without_what_it_needs_is_refused_by_name(erp: ErpProcess) -> None:
    for header in ("idempotency-key", "ce-id", "ce-source", "ce-type", "ce-specversion"):
        answer = post(erp, drop=header)
        assert answer.status_code == 400
        assert header in answer.json()["detail"].lower()

    assert erp.book() == []


def test_a_body_that_is_no_event_is_refused(erp: ErpProcess) -> None:
    for body in (b"", b"<xml/>", b"[]", b'{"type": "ObjectEvent"}', b"\xff"):
        assert post(erp, body=body).status_code == 400

    assert erp.book() == []


def test_only_what_is_booked_can_be_looked_up(erp: ErpProcess) -> None:
    post(erp, "a1")

    found, missing = (httpx.get(erp.look_up.format(id=key)) for key in ("a1", "a2"))
    assert (found.status_code, found.json()) == (200, {"receipt": "ERP-000001"})
    assert missing.status_code == 404


def test_while_down_connections_are_refused_and_standing_ones_dropped(erp: ErpProcess) -> None:
    with httpx.Client(trust_env=False) as standing:
        assert standing.get(erp.look_up.format(id="a1")).status_code == 404
        with erp.down():
            assert erp.state()["mode"] == "down"
            with pytest.raises(httpx.TransportError):
                standing.get(erp.look_up.format(id="a1"))
            with pytest.raises(httpx.ConnectError):
                post(erp)

    assert post(erp).status_code == 201


def test_an_error_can_come_before_the_booking_or_after_it(erp: ErpProcess) -> None:
    with erp.faulty(error_rate=1):
        assert post(erp, "before").status_code == 500
    with erp.faulty(error_after_booking_rate=1):
        assert post(erp, "after").status_code == 500

    assert [line.key for line in erp.book()] == ["after"]


def test_a_booking_can_lose_its_answer_in_silence_or_by_a_cut(erp: ErpProcess) -> None:
    with erp.faulty(swallow_rate=1), pytest.raises(httpx.ReadTimeout):
        post(erp, "swallowed")
    with erp.faulty(cut_rate=1), pytest.raises(httpx.RemoteProtocolError):
        post(erp, "cut")

    assert [line.key for line in erp.book()] == ["swallowed", "cut"]
    assert erp.state()["faults"] == {"swallowed": 1, "cut": 1}


def test_a_slow_posting_is_booked_although_the_client_has_gone(erp: ErpProcess) -> None:
    with erp.faulty(delay_seconds=0.7), pytest.raises(httpx.ReadTimeout):
        post(erp, "slow")
    assert erp.book() == []

    wait_for_a_booking(erp)
    assert post(erp, "slow").status_code == 409


def test_poison_is_refused_by_key_or_subject_until_it_is_lifted(erp: ErpProcess) -> None:
    with erp.faulty(reject_keys=["a1"], reject_subjects=["order:Größe"]):
        assert post(erp, "a1").status_code == 422
        assert post(erp, "a2", subject="order:Gr%C3%B6%C3%9Fe").status_code == 422
        assert post(erp, "a3").status_code == 201

    assert post(erp, "a1").status_code == 201
    assert erp.state()["faults"] == {"rejected": 2}


def test_an_order_changes_only_what_it_names(erp: ErpProcess) -> None:
    erp.faults(error_rate=0.25)
    erp.faults(cut_rate=0.5)

    assert (erp.faults()["error_rate"], erp.faults()["cut_rate"]) == (0.25, 0.5)
    with pytest.raises(ErpFailed, match="add up to more than 1"):
        erp.faults(swallow_rate=0.5)
    with pytest.raises(ErpFailed, match="explode"):
        erp.faults(explode=True)
    assert erp.faults()["swallow_rate"] == 0


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
        wait_for_a_booking(erp)
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


def test_the_same_seed_meets_the_same_fates() -> None:
    faults = Faults(error_rate=0.2, error_after_booking_rate=0.2, swallow_rate=0.2, cut_rate=0.2)
    first, second, other = (
        [dice.throw(faults) for _ in range(500)] for dice in (Dice(7), Dice(7), Dice(8))
    )

    assert first == second != other
    assert set(first) == set(Fate)
    assert {fate: 80 <= first.count(fate) <= 120 for fate in Fate} == dict.fromkeys(Fate, True)
