"""Whatever a device sends, decoding answers or says Malformed."""

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.model import Observation
from tests.property.drawing import SEEDS, chance

NOW = 1_769_000_000_000
DECODER = Decoder(
    [
        ObservationSettings.model_validate(mapping | {"source": "s", "kind": "k"})
        for mapping in (
            {
                "subject": "json",
                "time": "time",
                "fields": {"a": "a", "b": "b.0.c?", "all": "list.1?"},
                "when": {"on?": True},
            },
            {"subject": "json", "fields": {"a": "a?"}},
            {"subject": "scalar", "time": ".", "fields": {"it": "."}},
            {"subject": "vda", "format": "vda5050"},
            {"subject": "autoid", "format": "autoid"},
            {"subject": "vehicle", "format": "vda5050_vehicle"},
            {"subject": "vda", "format": "vda5050", "fields": {"unit": "r.0?"}, "time": "t?"},
        )
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _letters(random: Random) -> str:
    return "".join(random.choices("AbZ09+/=", k=random.randint(0, 9)))


# What is right, field by field: one of these, or anything else.
NEARLY: dict[str, Any] = {"time": [], "a": [], "b": [[{"c": []}]], "list": [], "on": [True]}
ACTION: dict[str, Any] = {
    name: [_letters]
    for name in ("actionId", "actionStatus", "actionType", "resultDescription", "t", "r")
}
ERROR: dict[str, Any] = {"errorLevel": [_letters], "errorType": [_letters]}
RESULT: dict[str, Any] = {
    "ScanData": [
        {name: [_letters, _letters, {"UId": []}] for name in ("String", "ByteString", "Epc")}
    ],
    "CodeType": ["GS1", "EPC"],
    "Timestamp": ["2026-01-21T12:53:20Z"],
    "Location": [{"Name": []}],
}
STATE: dict[str, Any] = {
    "timestamp": ["2026-01-21T12:53:20Z"],
    "manufacturer": ["Acme"],
    "serialNumber": ["7"],
    "orderId": [_letters],
    "actionStates": [[ACTION]],
    "instantActionStates": [[ACTION]],
    "operatingMode": ["AUTOMATIC"],
    "errors": [[ERROR]],
    "loads": [[{"loadId": []}]],
    "batteryState": [{"batteryCharge": []}],
    "safetyState": [{"eStop": []}],
}


def filled(shape: object, anything: Sequence[object], random: Random) -> object:
    """Return what is nearly of a shape: some fields are missing, or are anything else."""
    if isinstance(shape, dict):
        strange = random.choice((0.1, 0.5, 0.9))
        return {
            name: random.choice(anything)
            if not right or random.random() < strange
            else filled(random.choice(right), anything, random)
            for name, right in shape.items()
            if random.random() < 0.75
        }
    if isinstance(shape, list):
        return [filled(shape[0], anything, random) for _ in range(random.randint(0, 3))]
    return shape(random) if callable(shape) else shape


def nearly(shape: object) -> st.SearchStrategy[object]:
    """Draw what else there is, and by one more choice where it stands."""
    return st.builds(
        lambda anything, seed: filled(shape, anything, chance(seed, anything)),
        st.lists(JSON, min_size=1, max_size=2),
        SEEDS,
    )


def decode(subject: str, payload: bytes, **more: Any) -> list[Observation] | None:
    try:
        return DECODER.decode(1, "s", Signal(subject, payload, NOW, **more))
    except Malformed as refused:
        reason = str(refused)
    assert 0 < len(reason) < 1000
    return None


def check(subject: str, payload: bytes, **more: Any) -> None:
    for seen in decode(subject, payload, **more) or ():
        assert 1_420_070_400_000 <= seen.occurred_at <= NOW + 86_400_000
        for value in seen.fields.values():
            assert isinstance(value, (str, int, float, bool))
            assert value != ""
            assert not isinstance(value, float) or math.isfinite(value)


@given(st.sampled_from(["json", "scalar", "vda", "vehicle", "autoid", "none"]), st.binary())
@example("json", b"[" * 1024 + b"]" * 1024)
@example("json", b'{"time":' + b"[" * 1023 + b"]" * 1023 + b"}")
@example("scalar", b'"9999-12-31T23:59:59-23:59"')
@example("scalar", b'"0001-01-01T00:00:00+23:59"')
@example("scalar", b"-1.7976931348623157e308")
@example("scalar", b"18446744073709551615")
def test_any_bytes_are_decoded_or_malformed(subject: str, payload: bytes) -> None:
    check(subject, payload)


@given(JSON, st.none() | st.integers(), st.booleans())
def test_any_json_is_decoded_or_malformed(
    value: object,
    source_at: int | None,
    good: bool,  # noqa: FBT001 - as in a signal
) -> None:
    for subject in ("json", "scalar", "vda", "vehicle", "autoid"):
        check(subject, orjson.dumps(value), source_at=source_at, good=good)


@given(nearly(NEARLY))
def test_nearly_right_json_is_decoded_or_malformed(value: object) -> None:
    check("json", orjson.dumps(value))


@given(nearly(STATE))
def test_nearly_right_vehicle_states_are_decoded_or_malformed(value: object) -> None:
    check("vda", orjson.dumps(value))
    check("vehicle", orjson.dumps(value))


@given(nearly(RESULT) | nearly({"ScanResult": [[RESULT]]}))
def test_nearly_right_scan_results_are_decoded_or_malformed(value: object) -> None:
    check("autoid", orjson.dumps(value))


@given(st.text(), st.text(min_size=1))
def test_any_configuration_and_any_subject_end_in_an_answer_or_a_refusal(
    subject: str, wanted: str
) -> None:
    try:
        settings = ObservationSettings(source="s", subject=wanted, kind="k")
    except ValueError:
        return
    Decoder([settings]).decode(1, "s", Signal(subject, b"{}", NOW))
