"""What signals become, and which are refused."""

import pytest

from edge.milestones.decode import Malformed
from edge.milestones.decode.formats.json import LARGEST_BYTES
from edge.milestones.model import Observation
from tests.unit.edge.milestones.decoding import NOW, SCAN, decode_field, decoder, scan, signal


def test_a_scan_becomes_an_observation_in_warehouse_words() -> None:
    observations = decoder(SCAN).decode(7, "floor", signal(scan(rma="RMA-1")))
    assert observations == [
        Observation(
            signal=7,
            source="floor",
            kind="scan",
            occurred_at=1_769_000_000_123,
            fields={"read_point": "dock-in-1", "unit": "340000000000000017", "rma": "RMA-1"},
            lag=-123,
        ),
    ]


@pytest.mark.parametrize(
    ("told", "lag"), [(NOW - 10_000, 10_000), (NOW, 0), (NOW + 10_000, -10_000)]
)
def test_an_observation_says_how_late_it_was_received(told: int, lag: int) -> None:
    (observation,) = decoder(SCAN).decode(1, "floor", signal(scan(time=told)))
    assert (observation.occurred_at, observation.lag) == (told, lag)


@pytest.mark.parametrize("nothing", [{}, {"rma": None}, {"rma": ""}])
def test_an_optional_field_that_is_missing_null_or_empty_is_left_out(
    nothing: dict[str, object],
) -> None:
    (observation,) = decoder(SCAN).decode(1, "floor", signal(scan(**nothing)))
    assert set(observation.fields) == {"read_point", "unit"}


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_required_field_that_is_missing_null_or_empty_is_malformed(nothing: str | None) -> None:
    with pytest.raises(Malformed, match=r"scan: unit: nothing at 'barcode'.*'barcode\?'"):
        decoder(SCAN).decode(1, "floor", signal(scan(barcode=nothing)))


def test_a_path_goes_through_objects_lists_and_the_subject() -> None:
    mapping = SCAN | {
        "fields": {"deep": "a.b.0.c", "top": "subject/0", "number": "codes.11", "name": "names.1"},
    }
    payload = scan(a={"b": [{"c": 5}]}, codes=[*"xxxxxxxxxxx", "y"], names={"1": "one"})
    (observation,) = decoder(mapping).decode(1, "floor", signal(payload))
    assert observation.fields == {"deep": 5, "top": "dc", "number": "y", "name": "one"}


@pytest.mark.parametrize("path", ["value.2", "value.x", "value.0.x", "value.-1", "other"])
def test_a_path_that_leads_nowhere_is_malformed_or_left_out(path: str) -> None:
    with pytest.raises(Malformed, match="nothing at"):
        decode_field(["a", "b"], path)
    mapping = {"source": "s", "subject": "x", "kind": "k", "fields": {"it": path + "?"}}
    (observation,) = decoder(mapping).decode(1, "s", signal({"value": ["a", "b"]}, "x"))
    assert observation.fields == {}


def test_a_level_that_a_subject_does_not_have_is_malformed_or_left_out() -> None:
    mapping = {"source": "s", "subject": "dc/#", "kind": "k", "fields": {"place": "subject/2"}}
    with pytest.raises(Malformed, match="nothing at 'subject/2'"):
        decoder(mapping).decode(1, "s", signal({}, "dc/x"))
    optional = mapping | {"fields": {"place": "subject/2?"}}
    (observation,) = decoder(optional).decode(1, "s", signal({}, "dc/x"))
    assert observation.fields == {}


def test_a_level_of_the_subject_may_tell_the_time_and_which_mapping_concerns_the_signal() -> None:
    mapping = {
        "source": "s",
        "subject": "+/+",
        "kind": "k",
        "when": {"subject/0": "scan"},
        "time": "subject/1",
    }
    at = "2026-01-21T12:53:20.123Z"
    (observation,) = decoder(mapping).decode(1, "s", signal({}, f"scan/{at}"))
    assert observation.occurred_at == NOW + 123
    assert decoder(mapping).decode(1, "s", signal({}, f"load/{at}")) == []


def test_a_dot_is_the_payload_itself() -> None:
    mapping = {"source": "plc", "subject": "speed", "kind": "level", "fields": {"value": "."}}
    (observation,) = decoder(mapping).decode(1, "plc", signal(b"12.5", "speed"))
    assert observation.fields == {"value": 12.5}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\x00\xff\xfe",
        b'{"barcode": NaN}',
        b'{"barcode": 1e999}',
        b'{"barcode": "\xff"}',
        b'{"barcode": "\\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_json_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON: "):
        decoder(SCAN).decode(1, "floor", signal(payload))


def test_a_deeply_nested_value_is_reported_without_a_crash() -> None:
    payload = b'{"value":' + b"[" * 1000 + b"]" * 1000 + b"}"
    mapping = {"source": "s", "subject": "x", "kind": "k", "time": "value"}
    with pytest.raises(Malformed, match="a list is no time"):
        decoder(mapping).decode(1, "s", signal(payload, "x"))


def test_a_payload_that_would_take_all_memory_is_not_read() -> None:
    mapping = {"source": "s", "subject": "x", "kind": "k"}
    longest = b'{"a":[' + b"{}," * 349_522 + b"{}]}"
    assert len(longest) == LARGEST_BYTES
    assert len(decoder(mapping).decode(1, "s", signal(longest, "x"))) == 1
    with pytest.raises(Malformed, match="1048577 bytes; expected at most 1048576"):
        decoder(mapping).decode(1, "s", signal(longest + b" ", "x"))


@pytest.mark.parametrize("payload", [b"null", b"3", b'"text"', b"[]", b"true"])
def test_json_of_another_shape_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed, match="scan: time: nothing at 'time'"):
        decoder(SCAN).decode(1, "floor", signal(payload))


def test_a_value_that_the_source_marks_bad_is_evidence_of_nothing() -> None:
    with pytest.raises(Malformed, match=r"^the source marks its value as bad$"):
        decoder(SCAN).decode(1, "floor", signal(scan(), good=False))
    assert decoder(SCAN).decode(1, "floor", signal(scan(), "dc/other", good=False)) == []


@pytest.mark.parametrize(
    ("source", "subject"),
    [("floor", "dc/scanner/a/b/scan"), ("floor", "dc/scanner/scan"), ("plc", "dc/scanner/a/scan")],
)
def test_a_signal_that_no_mapping_concerns_is_not_even_read(source: str, subject: str) -> None:
    assert decoder(SCAN).decode(1, source, signal(b"\xff not JSON", subject)) == []


@pytest.mark.parametrize(
    ("wanted", "subject", "concerned"),
    [
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/broker", False),
        ("+/b", "$SYS/b", False),
        ("$SYS/#", "$SYS/broker", True),
        ("+", "a", True),
        ("+", "a/b", False),
        ("a/+", "a", False),
        ("a/+/c", "a//c", True),
        ("a/+/#", "a", False),
        ("a/+/#", "a/b", True),
        ("a/b", "a/b/c", False),
        ("A/b", "a/b", False),
    ],
)
def test_wildcards_mean_what_they_mean_in_mqtt(wanted: str, subject: str, concerned: bool) -> None:  # noqa: FBT001 - the expected answer
    mapping = {"source": "s", "subject": wanted, "kind": "k"}
    assert bool(decoder(mapping).decode(1, "s", signal({}, subject))) is concerned


def test_the_payload_says_which_mapping_concerns_it() -> None:
    one = {"source": "plc", "subject": "conveyor", "kind": "scan", "when": {"type": "scan"}}
    other = one | {"kind": "divert", "when": {"type": "divert", "lane": 4}}
    both = decoder(one, other)

    def kinds(payload: object) -> list[str]:
        return [seen.kind for seen in both.decode(1, "plc", signal(payload, "conveyor"))]

    assert kinds({"type": "scan"}) == ["scan"]
    assert kinds({"type": "divert", "lane": 4}) == ["divert"]
    assert kinds({"type": "divert", "lane": 5}) == []
    assert kinds({"type": "count", "lane": 4}) == []


def test_true_is_not_one() -> None:
    mapping = {"source": "s", "subject": "x", "kind": "k", "when": {"on": True}}
    assert decoder(mapping).decode(1, "s", signal({"on": 1}, "x")) == []
    assert len(decoder(mapping).decode(1, "s", signal({"on": True}, "x"))) == 1


def test_a_payload_without_what_tells_mappings_apart_is_malformed() -> None:
    mapping = {"source": "s", "subject": "x", "kind": "k", "when": {"type": "scan"}}
    with pytest.raises(Malformed, match="k: when: nothing at 'type'"):
        decoder(mapping).decode(1, "s", signal({"typ": "scan"}, "x"))
    optional = mapping | {"when": {"type?": "scan"}}
    assert decoder(optional).decode(1, "s", signal({"typ": "scan"}, "x")) == []


def test_more_subjects_than_are_remembered_are_still_decoded() -> None:
    both = decoder(SCAN)
    for number in range(10_000):
        subject = f"dc/scanner/{number}/scan"
        (observation,) = both.decode(number, "floor", signal(scan(), subject))
        assert observation.fields["read_point"] == str(number)
    assert both._route.cache_info().currsize <= 4096
