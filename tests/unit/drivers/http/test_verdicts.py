"""The table from answers and failures to verdicts, whole."""

import json
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import Accepted, Rejected, Retry, Unknown, Verdict
from drivers.http.answer import Answer
from drivers.http.secret import NoCredentials
from drivers.http.verdicts import FAILURES, judge, judge_failure, judge_look_up

NOW = 1_772_352_000_000  # 2026-03-01T08:00:00Z, a Sunday
PLACE = "https://erp.example/milestones"


def answer(status: int, body: bytes | dict[str, object] = b"", **headers: str) -> Answer:
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(PLACE, NOW, status, httpx.Headers(named), body)


def problem(status: int, **members: object) -> Answer:
    return answer(status, members, content_type="application/problem+json; charset=utf-8")


# What an answer without a body means, said again: verdict, and what it says of the destination.
MEANING: dict[int, tuple[type[Verdict], str]] = {
    **dict.fromkeys(range(100, 200), (Unknown, "")),
    **dict.fromkeys(range(200, 300), (Accepted, "")),
    **dict.fromkeys(range(300, 400), (Retry, "outage")),
    **dict.fromkeys(range(400, 500), (Rejected, "")),
    **dict.fromkeys(range(500, 600), (Unknown, "")),
    **dict.fromkeys([401, 402, 403, 407, 511], (Retry, "outage")),  # credentials
    **dict.fromkeys([405, 406, 415, 421, 426, 501, 505], (Retry, "outage")),  # the address
    429: (Retry, "overloaded"),
    503: (Retry, "outage"),
    **dict.fromkeys([408, 423, 425], (Retry, "")),
    **dict.fromkeys([404, 410], (Retry, "")),
    **dict.fromkeys([303, 502, 504], (Unknown, "outage")),
    409: (Unknown, ""),
}


def test_every_status_means_a_verdict() -> None:
    verdicts = {status: judge(answer(status)) for status in range(100, 600)}

    assert {
        status: (
            type(verdict),
            " ".join(word for word in ("outage", "overloaded") if getattr(verdict, word, False)),
        )
        for status, verdict in verdicts.items()
    } == MEANING


@given(
    st.integers(0, 999),
    st.binary(max_size=2000)
    | st.builds(
        lambda members: json.dumps(members).encode(),
        st.dictionaries(
            st.sampled_from(["type", "title", "detail", "code"]),
            st.none() | st.text(max_size=1000) | st.integers() | st.lists(st.none()),
        ),
    ),
    st.sampled_from(["application/problem+json", "text/html", ""]),
    st.text(max_size=40),
    st.text(max_size=400),
)
def test_whatever_is_answered_means_a_verdict_in_few_clean_words(
    status: int, body: bytes, kind: str, retry_after: str, location: str
) -> None:
    headers = {"content-type": kind, "retry-after": retry_after, "location": location}
    verdict = judge(Answer(PLACE, NOW, status, headers, body))

    words = verdict.receipt if isinstance(verdict, Accepted) else verdict.reason
    assert words
    assert words.isprintable()
    assert len(words) < 400
    if isinstance(verdict, Retry) and verdict.after is not None:
        assert 0 <= verdict.after <= 3600
    if isinstance(verdict, Accepted):
        assert 200 <= status < 300 or status == 409


@pytest.mark.parametrize(
    "said",
    [
        problem(409, type="urn:erp:already-booked"),
        problem(409, type="epcisException:ResourceAlreadyExistsException"),
        problem(409, type="about:blank", title="Duplicate request"),
        answer(409, {"code": "ALREADY_POSTED"}),
        answer(409, b"Goods issue was already posted"),
        problem(409, type="urn:x:already-exists", detail="its order is still pending"),
    ],
)
def test_a_conflict_that_says_there_already_is_accepted(said: Answer) -> None:
    assert isinstance(judge(said), Accepted)


@pytest.mark.parametrize(
    "said",
    [
        problem(409, type="urn:x:request-in-progress"),
        problem(409, title="A request is outstanding", detail="it is still processing"),
        answer(409, {"code": "LOCKED", "detail": "already locked by user JDOE"}),
        answer(409, b"the request is already being processed"),
    ],
)
def test_a_conflict_with_an_attempt_still_at_work_is_retried(said: Answer) -> None:
    assert isinstance(judge(said), Retry)


@pytest.mark.parametrize(
    "said",
    [
        answer(409),
        answer(409, b"<html>Conflict</html>"),
        problem(409, title="Conflict", detail="posting period 02 is already closed"),
        problem(409, title="Conflict", detail="the order no longer exists"),
    ],
)
def test_a_conflict_that_says_neither_is_not_guessed(said: Answer) -> None:
    assert isinstance(judge(said), Unknown)


def test_a_missing_order_is_told_from_a_missing_address() -> None:
    order = problem(404, type="urn:erp:no-such-order", title="No order", detail="SO-1 is gone")
    assert judge(order) == Rejected("404 No order: SO-1 is gone")

    for address in (
        answer(404, {"detail": "Not Found"}),
        answer(404, b"<h1>404</h1>"),
        problem(404, title="Not Found"),
        problem(404, type="about:blank", title="Not Found"),
    ):
        verdict = judge(address)
        assert isinstance(verdict, Retry)
        assert f"check url {PLACE}" in verdict.reason


def test_a_rejection_repeats_the_destinations_own_words() -> None:
    assert judge(problem(422, title="Refused", detail="period closed")) == Rejected(
        "422 Refused: period closed"
    )
    assert judge(answer(400, b"  no such\n\x1b[31mplant ")) == Rejected("400 no such [31mplant")


def test_a_receipt_is_what_was_answered_or_where_it_is() -> None:
    assert judge(answer(201, {"receipt": "ERP-1"})) == Accepted('201 {"receipt": "ERP-1"}')
    assert judge(answer(202, location="/capture/7")) == Accepted("202 /capture/7")
    assert judge(answer(204)) == Accepted("204")


def test_what_the_operator_must_mend_is_named() -> None:
    for said, words in (
        (answer(401), "credentials refused: check auth"),
        (answer(308, location="https://new.example/m"), "redirected to https://new.example/m"),
        (answer(405), "does not take CloudEvents by POST: check url"),
    ):
        verdict = judge(said)
        assert isinstance(verdict, Retry)
        assert words in verdict.reason


def test_what_can_be_sent_again_is_sent_when_the_destination_asked_for_it() -> None:
    for status in (401, 408, 423, 425, 429, 503):
        verdict = judge(answer(status, retry_after="120"))
        assert isinstance(verdict, Retry)
        assert verdict.after == 120.0


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


# Names of groups, what only a fault of our own can raise, and what needs a proxy or a shared pool.
NO_OUTCOME = {
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProtocolError,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.CloseError,
    httpx.PoolTimeout,
}
NOT_SENT = {httpx.ConnectError, httpx.ConnectTimeout, NoCredentials}


def test_every_way_in_which_an_exchange_fails_is_in_the_table() -> None:
    # httpx.RemoteProtocolError is no NetworkError, and is left out of such tables: see
    # huggingface/huggingface_hub#4398, robusta-dev/robusta#1853. ssl.SSLError is not wrapped.
    transport = {kind for kind in subclasses(httpx.TransportError) if kind.__module__ == "httpx"}

    assert set(FAILURES) == (transport - NO_OUTCOME) | {TimeoutError, ssl.SSLError, NoCredentials}


@pytest.mark.parametrize("kind", FAILURES)
def test_only_what_was_certainly_not_sent_is_retried_unasked(kind: type[Exception]) -> None:
    verdict = judge_failure(kind("something"), PLACE)

    assert type(verdict) is (Retry if kind in NOT_SENT else Unknown)
    assert verdict.outage is (kind in NOT_SENT)


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            ConnectionRefusedError(111, "x"),
            f"refusing connections at {PLACE}; is it running, is that its address?",
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            "does not resolve (Name or service not known); check url",
        ),
        (certificate_error(), "certificate not trusted"),
        (ssl.SSLError(1, "wrong version number"), "wrong version number; is https:// right"),
        (
            OSError(101, "Connect call failed"),
            f"cannot connect to {PLACE}: Network is unreachable; check the network",
        ),
        (
            ExceptionGroup("both", [OSError(101, "x"), ConnectionRefusedError(111, "y")]),
            "refusing connections",
        ),
    ],
)
def test_why_there_is_no_connection_is_told_in_an_operators_words(
    cause: Exception, words: str
) -> None:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = cause

    assert words in judge_failure(error, PLACE).reason


@pytest.mark.parametrize("body", [b"", b" ", b"[]", b"{}", b"null"])
def test_a_look_up_that_shows_nothing_found_nothing(body: bytes) -> None:
    assert judge_look_up(answer(200, body)) is None


def test_only_200_and_404_answer_a_look_up() -> None:
    said = {status: judge_look_up(answer(status, b"ERP-1")) for status in range(100, 600)}

    assert said.pop(200) == Accepted("found by look-up: 200 ERP-1")
    assert said.pop(404) is None
    assert said.pop(429) == Retry("a look-up was answered 429 ERP-1", overloaded=True)
    assert said.pop(503) == Retry("a look-up was answered 503 ERP-1", outage=True)
    assert {type(found) for found in said.values()} == {Unknown}
