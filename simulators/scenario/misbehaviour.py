"""How real devices tell it: late, twice, out of order, and one of them broken.

Every delay is bounded by `MOST_DELAY`. One device delivers what it sees in the
order in which it saw it; two devices that see parts of the same thing (a
station's scanner and its panel, a door's scanner and its photo-eye) do not
wait for each other.
"""

import json
from collections.abc import Iterable, Mapping
from random import Random

from simulators.scenario.model import Act, Garbage, Record, Report

MOST_DELAY = 2.0
"""Seconds; nothing arrives later than this after it occurred, while the links are up."""

LATE_SHARE = 0.05
LATE_SHARE_OF_SCANNERS = 0.2
"""A station's scanner and a door's scanner are wireless; their panels and photo-eyes are not."""
LATE = (0.2, 1.7)
AGAIN_SHARE = 0.06
AGAIN = (0.05, 0.3)
SECOND_READ_SHARE = 0.06
SECOND_READ = (0.2, 0.4)

_BROKEN_TOPIC = "dc/scanner/dock-in-2/scan"
_TIME = "2026-01-01T00:00:00.000Z"
_GARBAGE: tuple[bytes, ...] = (
    b"\x02\x00\xff\xfe\x9d",
    b"",
    b'{"device":"scanner-dock-in-2b","seq":4,"barc',
    b"[1,2,3]",
    b'"NOREAD"',
    b"null",
    json.dumps({"seq": 1, "time": _TIME}).encode(),
    json.dumps({"seq": 2, "time": "yesterday", "barcode": "340123450001000009"}).encode(),
    json.dumps({"seq": 3, "time": _TIME, "barcode": None}).encode(),
    json.dumps({"seq": 3, "time": _TIME, "barcode": {"text": "340123450001000009"}}).encode(),
    json.dumps({"seq": 5, "barcode": "340123450001000009"}).encode(),
)


def tell(happenings: Iterable[Act], rng: Random) -> list[Act]:
    """Return the acts by which devices tell what happened, in the order of their offsets."""
    seen = sorted(_read_again(happenings, rng), key=lambda act: act.offset)
    sequence: dict[str, int] = {}
    last_sent: dict[str, float] = {}
    acts: list[Act] = []
    for act in seen:
        message = act.message
        if not isinstance(message, Report | Record):
            acts.append(act)
            continue
        if isinstance(message, Report):
            sequence[act.device] = sequence.get(act.device, 0) + 1
            message = _signed(message, act.device, sequence[act.device])
        share = LATE_SHARE_OF_SCANNERS if act.device.endswith("-scanner") else LATE_SHARE
        late = rng.uniform(*LATE) if rng.random() < share else 0.0
        sent = max(act.offset + late, last_sent.get(act.device, 0.0))
        last_sent[act.device] = sent
        acts.append(Act(sent, act.device, message))
        if isinstance(message, Report) and rng.random() < AGAIN_SHARE:
            acts.append(Act(sent + rng.uniform(*AGAIN), act.device, message))
    return sorted(acts, key=lambda act: act.offset)


def break_a_scanner(rng: Random, seconds: float) -> list[Act]:
    """Return what a broken scanner sends now and then: no fact follows from any of it."""
    payloads = [*_GARBAGE, *rng.sample(_GARBAGE, 3)]
    rng.shuffle(payloads)
    return [
        Act(rng.uniform(0.5, seconds - 1), "scanner-dock-in-2b", Garbage(_BROKEN_TOPIC, payload))
        for payload in payloads
    ]


def _read_again(happenings: Iterable[Act], rng: Random) -> Iterable[Act]:
    """Let scanners read some labels a second time while they pass."""
    for act in happenings:
        yield act
        message = act.message
        if (
            isinstance(message, Report)
            and message.topic.endswith("/scan")
            and rng.random() < SECOND_READ_SHARE
        ):
            at = act.offset + rng.uniform(*SECOND_READ)
            yield Act(at, act.device, Report(message.topic, message.fields, at))


def _signed(report: Report, device: str, number: int) -> Report:
    fields: Mapping[str, str | int] = {"device": device, "seq": number, **report.fields}
    return Report(report.topic, fields, report.occurred)
