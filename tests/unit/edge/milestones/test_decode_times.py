"""When a signal says that something happened."""

from typing import Any

import orjson
import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.model import Observation, TimeFrom

NOW = 1_769_000_000_000
DAY = 86_400_000


def observe(payload: object, *, time: str = "time", **more: Any) -> Observation:
    mapping = ObservationSettings(source="s", subject="x", kind="scan", time=time)
    signal = Signal("x", orjson.dumps(payload), NOW, **more)
    (observation,) = Decoder([mapping]).decode(1, "s", signal)
    return observation


def decode(payload: object, **more: Any) -> int:
    return observe(payload, **more).occurred_at


def decode_time(written: object, **more: Any) -> int:
    return decode({"time": written}, **more)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-21T12:53:20.123Z", 1_769_000_000_123),
        ("2026-01-21T13:53:20.1239+01:00", 1_769_000_000_123),
        ("20260121T125320Z", NOW),
        (1_769_000_000, NOW),
        (1_769_000_000.123, 1_769_000_000_123),
        (1_769_000_000_123, 1_769_000_000_123),
        (1_769_000_000_123.9, 1_769_000_000_123),
    ],
)
def test_a_time_is_iso_8601_or_seconds_or_milliseconds(written: object, meant: int) -> None:
    assert decode_time(written) == meant


@pytest.mark.parametrize(
    "written",
    ["2026-01-21T12:53:20", "2026-01-21", "yesterday", True, {}, [], "1769000000", "x" * 5000],
)
def test_what_is_no_time_is_malformed(written: object) -> None:
    expected = (
        r"scan: time: .* is no time; expected ISO 8601 .* seconds or milliseconds since 1970$"
    )
    with pytest.raises(Malformed, match=expected) as refused:
        decode_time(written)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "written", [0, 60, "1970-01-01T00:05:00Z", "2012-05-04T03:02:01Z", "2014-12-31T23:59:59Z"]
)
def test_a_clock_that_was_never_set_is_not_believed(written: object) -> None:
    assert decode_time(written) == NOW
    assert decode_time(written, source_at=NOW - 5) == NOW - 5
    assert decode_time(written, source_at=5) == NOW


def test_a_time_is_believed_from_2015_on() -> None:
    assert decode_time("2015-01-01T00:00:00Z") == 1_420_070_400_000
    assert decode_time(1_420_070_400) == 1_420_070_400_000
    assert decode_time(1_420_070_399_999) == NOW


@pytest.mark.parametrize("written", [0, "2012-05-04T03:02:01Z", NOW + DAY + 1])
def test_whose_time_counts_instead_of_one_that_was_never_set_is_told(written: object) -> None:
    stated = {"time": written}
    assert observe(stated).time_from is TimeFrom.ARRIVAL
    assert observe(stated, source_at=5).time_from is TimeFrom.ARRIVAL
    assert observe(stated, source_at=NOW - 5).time_from is TimeFrom.PROTOCOL
    assert observe({}, time="time?", source_at=5).time_from is TimeFrom.ARRIVAL


def test_of_a_time_that_is_believed_or_that_nobody_stated_nothing_is_told() -> None:
    assert observe({"time": NOW - 7}, source_at=5).time_from is None
    assert observe({}, time="time?", source_at=NOW - 9).time_from is None
    assert observe({}, time="time?").time_from is None


def test_a_time_more_than_a_day_ahead_is_not_believed() -> None:
    assert decode_time(NOW + DAY) == NOW + DAY
    assert decode_time(NOW + DAY + 1) == NOW
    assert decode_time(1.7e308) == NOW
    assert decode_time("9999-12-31T23:59:59-23:00") == NOW


def test_without_a_time_in_the_payload_the_protocols_time_counts_then_reception() -> None:
    assert decode({}, time="time?") == NOW
    for nothing in ({}, {"time": None}, {"time": ""}):
        assert decode(nothing, time="time?", source_at=NOW - 9) == NOW - 9
        with pytest.raises(Malformed, match="scan: time: nothing at 'time'"):
            decode(nothing, source_at=NOW - 9)
