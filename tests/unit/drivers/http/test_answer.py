"""What is read out of an answer."""

import pytest

from drivers.http.answer import Answer

NOW = 1_772_352_000_000  # 2026-03-01T08:00:00Z, a Sunday


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("86400", 3600.0),
        ("9" * 400, 3600.0),
        ("Sun, 01 Mar 2026 08:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 08:01:30", 90.0),
        ("Sun, 01 Mar 2026 07:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 07:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Sun, 99 Mar 2026 08:01:30 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(value: str, seconds: float | None) -> None:
    assert Answer("", NOW, 503, {"retry-after": value}, b"").retry_after() == seconds


def test_an_answer_without_retry_after_asks_for_nothing() -> None:
    assert Answer("", NOW, 503, {}, b"").retry_after() is None


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'"x"', b"{", b"[" * 60_000, b'{"title": 7}', b"\xff"]
)
def test_a_body_that_is_no_object_with_text_has_no_members(body: bytes) -> None:
    assert Answer("", NOW, 400, {}, body).members("title", "detail") == []
