"""The simulated ERP: it books once, tells the truth, and misbehaves only as ordered.

One process serves most tests, so each has keys of its own.
"""

import concurrent.futures
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulators.erp import Booking
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
    erp: ErpProcess,
    key: str = "a1",
    *,
    body: bytes = BODY,
    drop: str = "",
    subject: str = "unit:1",
    patience: float = 10,
) -> httpx.Response:
    headers = headers_of(key, subject)
    headers.pop(drop, None)
    # Plain HTTP; loading certificates that nobody asks for would take most of the time.
    return httpx.post(erp.url, headers=headers, content=body, timeout=patience, verify=False)


def lines(erp: ErpProcess, *keys: str) -> list[Booking]:
    return [line for line in erp.book() if line.key in keys]


def wait_until_booked(erp: ErpProcess, key: str) -> None:
    deadline = time.monotonic() + 30
    while not lines(erp, key):
        assert time.monotonic() < deadline, f"{key} was not booked"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpProcess]:
    with ErpProcess(tmp_path_factory.mktemp("erp")) as running:
        yield running


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


def test_the_same_seed_meets_the_same_fates() -> None:
    faults = Faults(error_rate=0.2, error_after_booking_rate=0.2, swallow_rate=0.2, cut_rate=0.2)
    first, second, other = (
        [dice.throw(faults) for _ in range(500)] for dice in (Dice(7), Dice(7), Dice(8))
    )

    assert first == second != other
    assert set(first) == set(Fate)
    assert {fate: 80 <= first.count(fate) <= 120 for fate in Fate} == dict.fromkeys(Fate, True)
