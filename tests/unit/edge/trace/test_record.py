"""A story for a program has everything that the one for a person has, whole."""

from dataclasses import replace

import orjson

from buffer.journal import SignalRow
from buffer.reader import StoryAttempt, StoryEntry, StoryMilestone
from edge.milestones.epcis import encode
from edge.milestones.event_hash import event_hash
from edge.milestones.model import Milestone, Name
from edge.milestones.site import Site
from edge.trace import Story, record
from edge.trace.story import Chapter, Delivered

AT = 1_772_352_000_000
EVENT = encode(
    Milestone("a" * 32, Name.RECEIVED, "at-dock", "unit:T-1", AT, {"unit": "T-1"}, (1,)),
    Site("https://dc.example"),
)
SIGNAL = SignalRow(1, "floor", "scan/dock", b'{"unit": "T-1"}', AT - 2, AT - 1, AT, True)
MILESTONE = StoryMilestone(
    1, bytes(16), "received", "at-dock", "unit:T-1", AT, AT + 3, "late", b"\x01" * 16, EVENT
)
ATTEMPT = StoryAttempt(4, AT, AT + 1, "retry", "503")
DELIVERED = Delivered(
    StoryEntry(7, "erp", "pending", 4, "503", None), (ATTEMPT,), is_behind_dead_letter=True
)
STORY = Story(
    "unit:T-1",
    (Chapter(MILESTONE, (SIGNAL,), 2, (DELIVERED,)),),
    (SIGNAL._replace(seq=2, payload=b"\xff\x00", source_at=None, good=False),),
    {2: "not JSON"},
)


def test_a_story_is_told_whole() -> None:
    assert orjson.loads(record(STORY)) == {
        "key": "unit:T-1",
        "milestones": [
            {
                "id": "0" * 32,
                "hash": event_hash(EVENT),
                "name": "received",
                "rule": "at-dock",
                "key": "unit:T-1",
                "mark": "late",
                "retracts": "01" * 16,
                "occurred_at": AT,
                "recorded_at": AT + 3,
                "event": orjson.loads(EVENT),
                "signals": [
                    {
                        "signal": 1,
                        "source": "floor",
                        "subject": "scan/dock",
                        "source_at": AT - 2,
                        "received_at": AT - 1,
                        "good": True,
                        "quarantined": None,
                        "payload": '{"unit": "T-1"}',
                    }
                ],
                "signals_no_longer_kept": 2,
                "deliveries": [
                    {
                        "entry": 7,
                        "destination": "erp",
                        "state": "pending",
                        "outcome": "503",
                        "settled_at": None,
                        "is_behind_dead_letter": True,
                        "attempts_made": 4,
                        "attempts": [
                            {
                                "number": 4,
                                "started_at": AT,
                                "ended_at": AT + 1,
                                "verdict": "retry",
                                "detail": "503",
                            }
                        ],
                    }
                ],
            }
        ],
        "other_signals": [
            {
                "signal": 2,
                "source": "floor",
                "subject": "scan/dock",
                "source_at": None,
                "received_at": AT - 1,
                "good": False,
                "quarantined": "not JSON",
                "payload_base64": "/wA=",
            }
        ],
    }


def test_an_event_that_has_no_hash_is_told_without_one() -> None:
    (chapter,) = STORY.chapters
    imported = replace(chapter, milestone=MILESTONE._replace(body=b'{"number": 1}'))
    (told,) = orjson.loads(record(replace(STORY, chapters=(imported,))))["milestones"]
    assert (told["hash"], told["event"]) == (None, {"number": 1})
