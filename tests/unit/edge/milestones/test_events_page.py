"""docs/events.md shows what the example configuration makes of what devices say."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from drivers.contract import Signal
from edge.config.loading import load
from edge.milestones.decode import Decoder, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.epcis import encode
from edge.milestones.model import SEVERITY, Decision, Milestone, Name
from edge.milestones.site import Site
from tests.known_tracks import KnownTracks

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "events.md"
START = 1_769_000_000_000
IN, OUT, LOST = "340123450001000009", "340123450005000005", "340123450001000016"
LINE = {"order": "SO-1001", "line": 1, "item": "04012345000016", "requested": 3}
SHORT = {"order": "SO-1001", "line": 2, "item": "04012345000023", "requested": 2}
PIECE = "https://id.gs1.org/01/04012345000016/21/100"
CARTON = {"carton": OUT, "order": "SO-1001"}
DOOR = {"read_point": "dock-door-1", "unit": OUT, "trailer": "TR-0001"}

# Second, source, subject, what the device says.
STORY: list[tuple[int, str, str, dict[str, Any]]] = [
    (0, "floor", "dc/scanner/dock-in-1/scan", {"barcode": IN}),
    (1, "floor", "dc/scanner/dock-in-2/scan", {"barcode": LOST}),
    (2, "plc", "conveyor", {"type": "scan", "read_point": "infeed-1", "unit": LOST}),
    (30, "floor", "dc/pick/pick-1/pick", LINE | {"quantity": 3, "pick": "P-1"}),
    (40, "floor", "dc/pick/pick-1/pick", SHORT | {"quantity": 1, "pick": "P-2"}),
    (41, "floor", "dc/pick/pick-1/line", SHORT | {"picked": 1}),
    (50, "floor", "dc/pack/pack-1/scan", CARTON | {"epc": PIECE + "1"}),
    (51, "floor", "dc/pack/pack-1/scan", CARTON | {"epc": PIECE + "2"}),
    (52, "floor", "dc/pack/pack-1/close", CARTON | {"count": 2}),
    (60, "plc", "conveyor", DOOR | {"type": "door-scan"}),
    (61, "plc", "conveyor", DOOR | {"type": "load"}),
    (
        70,
        "plc",
        "conveyor",
        {"type": "release", "read_point": "dock-door-1", "trailer": "TR-0001", "count": 1},
    ),
    (80, "floor", "dc/scanner/returns-1/scan", {"barcode": OUT, "rma": "RMA-7"}),
]
DIVERT = (
    5,
    "plc",
    "conveyor",
    {"type": "divert", "read_point": "sorter-1", "unit": LOST, "lane": 4},
)
# Second, and what the motor draws. The last is told when the minute has been told.
CURRENTS = [(0, 3.4), (10, 3.6), (39.9, 3.5), (20, 5.1)]
STATE = {
    "timestamp": "2026-01-21T12:54:00Z",
    "manufacturer": "Acme",
    "serialNumber": "amr-07",
    "orderId": "T-000012",
    "actionStates": [
        {
            "actionId": "T-000012-drop",
            "actionType": "drop",
            "actionStatus": "FINISHED",
            "resultDescription": IN,
        },
    ],
}

# What examples leave out, because the first one shows it.
TOLD_ABOVE = {"@context", "eventID", "eventTime", "eventTimeZoneOffset", "milepost:rule"}
TOLD_ABOVE |= {"milepost:mark", "milepost:ruleVersion"}


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """Return the events in the order in which a destination sees them."""
    configuration = load(ROOT / "systemd" / "milepost.toml")
    decoder = Decoder(configuration.observations)
    kinds = sources_of(configuration.observations)
    uri = configuration.site.uri
    engine = RulesEngine(uri, configuration.rules, configuration.lifecycles, kinds)
    tracks = KnownTracks()
    milestones: list[Milestone] = []

    def keep(decision: Decision) -> None:
        assert decision.objections == []
        milestones.extend(decision.milestones)
        tracks.commit(decision)

    def hear(number: int, source: str, subject: str, payload: dict[str, Any]) -> None:
        signal = Signal(subject, orjson.dumps(payload), START + 90_000)
        keep(engine.collapse(decoder.decode(number, source, signal), tracks))

    for number, (second, source, subject, payload) in enumerate(STORY, start=1):
        hear(number, source, subject, payload | {"time": START + second * 1000})
    hear(50, "floor", "uagv/v2/Acme/amr-07/state", STATE)
    *currents, late = [
        Signal("infeed-motor-current", orjson.dumps(value), START + 90_000, START + at)
        for at, value in ((round(second * 1000), value) for second, value in CURRENTS)
    ]
    for number, signal in enumerate(currents, start=51):
        keep(engine.collapse(decoder.decode(number, "plc", signal), tracks))
    # Nothing more is on its way: what is waited for has not come.
    horizon = START + 120_000
    for _ in ("rules", "lifecycles"):
        due = [track for track, known in tracks.items() if (known.due_at or 0) <= horizon]
        keep(engine.expire(due, tracks, horizon))
    second, source, subject, payload = DIVERT
    hear(60, source, subject, payload | {"time": START + second * 1000})
    keep(engine.collapse(decoder.decode(61, "plc", late), tracks))
    horizon = START + 2 * 3600_000
    due = [track for track, known in tracks.items() if (known.due_at or 0) <= horizon]
    keep(engine.expire(due, tracks, horizon))
    return [orjson.loads(encode(milestone, Site(uri))) for milestone in milestones]


def test_each_example_is_an_event_as_a_destination_sees_it(told: list[dict[str, Any]]) -> None:
    shown = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    examples = [orjson.loads(block) for block in shown]
    concluded = {event["milepost:milestone"] for event in told}
    assert concluded >= set(Name) - set(SEVERITY)
    assert {each["milepost:milestone"] for each in examples} == concluded
    for example in examples:
        (event,) = [
            each
            for each in told
            if example.items() <= each.items()
            and ("errorDeclaration" in each) is ("errorDeclaration" in example)
        ]
        assert event["milepost:mark"] == example.get("milepost:mark", "in_order")
        assert event.keys() - example.keys() <= TOLD_ABOVE


def test_the_page_names_every_exception_with_its_words() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|(.*?)\| ", page, re.MULTILINE)
    shown = {name: (step.strip("` "), disposition.strip("` ")) for name, step, disposition in rows}
    words = {}
    for name, severity in SEVERITY.items():
        told = {"item": "A", "quantity": 1, "requested": 2}
        milestone = Milestone("0" * 32, name, "r", "order:1", START, told, (1,), severity=severity)
        event = orjson.loads(encode(milestone, Site("https://dc.example")))
        words[name.value] = (event.get("bizStep", ""), event.get("disposition", ""))
    assert shown == words


def test_only_what_was_wrong_is_retracted(told: list[dict[str, Any]]) -> None:
    retractions = [event for event in told if "errorDeclaration" in event]
    names = []
    for retraction in retractions:
        (original,) = [
            event
            for event in told
            if event["eventID"] == retraction["eventID"] and event != retraction
        ]
        names.append(original["milepost:milestone"])
    assert names == ["lost", "measured"]


def test_a_correction_names_the_event_that_is_true_instead(told: list[dict[str, Any]]) -> None:
    retraction, corrected = told[-2:]
    assert retraction["errorDeclaration"]["correctiveEventIDs"] == [corrected["eventID"]]
