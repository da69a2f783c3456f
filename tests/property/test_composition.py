"""Rules on milestones decide the same in whatever order, batch or life things are told.

Every way to conclude at a deadline feeds a rule here, and every way to wait for
a deadline listens to one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Observation, TrackId, Value
from tests.unit.edge.milestones.conftest import Site

MOST_DELAY = 2_000
"""Devices tell within this time; no rule waits less."""
LONG_AFTER = 200_000

RULES: dict[str, Any] = {
    "weighed": {  # waits for what is optional
        "operator": "join",
        "milestone": "packed",
        "about": "unit",
        "of": [{"kind": "closed"}],
        "optional": [{"kind": "weight"}],
        "within_seconds": 3,
        "wait_seconds": 2,
    },
    "stuck": {  # concluded at a deadline
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"kind": "closed"},
        "expect": {"kind": "seen"},
        "within_seconds": 4,
        "wait_seconds": 2,
    },
    "line": {  # concluded for want of more
        "operator": "gather",
        "milestone": "picked",
        "partial": "short",
        "about": "order",
        "by": ["unit"],
        "of": {"kind": "pick"},
        "distinct": "pick",
        "until": "requested",
        "within_seconds": 6,
        "wait_seconds": 3,
    },
    "told-enough": {  # the closing tells that it was complete before
        "operator": "gather",
        "milestone": "picked",
        "about": "unit",
        "of": {"kind": "put"},
        "distinct": "put",
        "until": "requested",
        "closed_by": {"kind": "enough"},
        "within_seconds": 6,
        "wait_seconds": 2,
    },
    "complete": {  # a gather of milestones
        "operator": "gather",
        "milestone": "stored",
        "about": "order",
        "of": {"milestone": "packed"},
        "distinct": "unit",
        "children": "unit",
        "closed_by": {"kind": "order-closed"},
        "within_seconds": 60,
        "wait_seconds": 2,
    },
    "found": {  # a join of a milestone and an observation
        "operator": "join",
        "milestone": "received",
        "about": "unit",
        "of": [{"milestone": "lost", "rule": "stuck"}, {"kind": "returned"}],
        "within_seconds": 4,
        "wait_seconds": 2,
    },
    "not-loaded": {  # starts with a milestone
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"milestone": "packed"},
        "expect": {"kind": "loaded"},
        "within_seconds": 12,
        "wait_seconds": 2,
    },
    "not-complete": {  # ends with a milestone that is itself concluded from one
        "operator": "absence",
        "milestone": "departed",
        "about": "order",
        "after": {"kind": "order-opened"},
        "expect": {"milestone": "stored"},
        "within_seconds": 9,
        "wait_seconds": 2,
    },
    "not-enough": {
        "operator": "absence",
        "milestone": "returned",
        "about": "unit",
        "after": {"kind": "closed"},
        "expect": {"milestone": "picked", "rule": "told-enough"},
        "within_seconds": 5,
        "wait_seconds": 2,
    },
    "each-short": {  # each member is a milestone, for want of more
        "operator": "gather",
        "milestone": "loaded",
        "about": "order",
        "of": {"milestone": "short", "rule": "line"},
        "distinct": "unit",
        "each": "unit",
        "closed_by": {"kind": "order-closed"},
        "within_seconds": 60,
        "wait_seconds": 2,
    },
}
LIFECYCLES = {"after": {"stages": ["stored", "departed"], "wait_seconds": 2}}

UNITS = ("U1", "U2")


class Happening(NamedTuple):
    at: int
    kind: str
    fields: dict[str, Value]


class Telling(NamedTuple):
    arrives_at: int
    happening: Happening
    judged_before: bool
    batch_ends: bool


@st.composite
def happenings(draw: st.DrawFn) -> list[Happening]:
    """Each kind of thing happens to a unit at most once; picks and puts, several times."""
    times = st.integers(0, 25_000)
    found: list[Happening] = []
    for unit in UNITS:
        told: dict[str, Value] = {"unit": unit, "order": "SO-1"}
        once = ("closed", "weight", "seen", "returned", "loaded")
        happened = [kind for kind in once if draw(st.booleans())]
        found += [Happening(draw(times), kind, told) for kind in happened]
        picks = draw(st.lists(times, max_size=3))
        line: dict[str, Value] = {**told, "requested": 3}
        found += [Happening(at, "pick", {**line, "pick": n}) for n, at in enumerate(picks)]
        puts = draw(st.lists(times, max_size=3))
        found += [Happening(at, "put", {**told, "put": n}) for n, at in enumerate(puts)]
        if draw(st.booleans()) and puts:
            requested = draw(st.integers(1, 4))
            found.append(_after(draw, puts, "enough", {**told, "requested": requested}))
    opened = draw(st.lists(times, max_size=2))
    found += [Happening(at, "order-opened", {"order": "SO-1"}) for at in opened]
    if draw(st.booleans()):
        closed = [each.at for each in found if each.kind == "closed"]
        found.append(_after(draw, closed, "order-closed", {"order": "SO-1"}))
    return found


def _after(draw: st.DrawFn, times: Sequence[int], kind: str, fields: dict[str, Value]) -> Happening:
    """What closes a count happens after its members."""
    return Happening(max(times, default=0) + draw(st.integers(0, 5_000)), kind, fields)


@st.composite
def tellings(draw: st.DrawFn, happened: Sequence[Happening]) -> list[Telling]:
    told = [(each.at + draw(st.integers(0, MOST_DELAY)), each) for each in happened]
    again = draw(st.lists(st.sampled_from(told), max_size=4)) if told else []
    told += [(arrives_at + draw(st.integers(0, 30_000)), each) for arrives_at, each in again]
    told.sort(key=lambda pair: pair[0])
    flags = draw(st.lists(st.integers(0, 3), min_size=len(told), max_size=len(told)))
    return [
        Telling(at, each, bool(flag & 1), bool(flag & 2))
        for (at, each), flag in zip(told, flags, strict=True)
    ]


def expire(site: Site, horizon: int) -> None:
    """Judge as the daemon does: owner by owner, a few at a time, from the start until all are."""
    is_done = False
    while not is_done:
        is_done = True
        for owner in site.engine.owners():
            due: list[TrackId] = sorted(
                track
                for track, known in site.tracks.items()
                if track.owner == owner and known.due_at is not None and known.due_at <= horizon
            )
            if due:
                site._commit(site.engine.expire(due[:1], site.tracks, horizon))
                is_done = False
                break


def decide(told: Sequence[Telling]) -> Site:
    site = Site(RULES, LIFECYCLES)
    batch: list[Observation] = []
    for signal, (arrives_at, (at, kind, fields), judged_before, batch_ends) in enumerate(told, 1):
        if judged_before:
            site._commit(site.engine.collapse(batch, site.tracks))
            batch = []
            expire(site, arrives_at - 1)
        batch.append(Observation(signal, "floor", kind, at, fields, arrives_at - at))
        if batch_ends:
            site._commit(site.engine.collapse(batch, site.tracks))
            batch = []
    site._commit(site.engine.collapse(batch, site.tracks))
    expire(site, LONG_AFTER)
    return site


def facts(site: Site) -> dict[str, object]:
    told: dict[str, object] = {
        each.id: (each.rule, each.name, each.key, each.occurred_at, each.attributes, each.retracts)
        for each in site.milestones
    }
    assert len(told) == len(site.milestones), "a fact was told twice"
    return told


@given(st.data())
def test_late_repeated_and_disordered_telling_changes_no_fact(data: st.DataObject) -> None:
    happened = data.draw(happenings())
    happened.sort(key=lambda each: each.at)
    in_order = [Telling(each.at, each, judged_before=True, batch_ends=True) for each in happened]
    expected = decide(in_order)
    told = decide(data.draw(tellings(happened)))
    assert facts(told) == facts(expected)


@given(st.data())
def test_the_batches_decide_nothing(data: st.DataObject) -> None:
    told = data.draw(tellings(data.draw(happenings())))
    one, other = Site(RULES, LIFECYCLES), Site(RULES, LIFECYCLES)
    heard = [
        Observation(n, "floor", each.happening.kind, each.happening.at, each.happening.fields)
        for n, each in enumerate(told, 1)
    ]
    one._commit(one.engine.collapse(heard, one.tracks))
    for each in heard:
        other._commit(other.engine.collapse([each], other.tracks))
    assert (one.milestones, one.objections, one.tracks) == (
        other.milestones,
        other.objections,
        other.tracks,
    )
    for site in (one, other):
        expire(site, LONG_AFTER)
    assert orjson.dumps(one.milestones) == orjson.dumps(other.milestones)


def test_what_a_milestone_rests_on_is_evidence_of_what_follows_from_it() -> None:
    site = Site(RULES)
    for at, kind, unit in [(0, "closed", "U1"), (100, "closed", "U2"), (200, "weight", "U1")]:
        site.see(kind, at, unit=unit, order="SO-1")
    site.see("order-closed", 3_000, order="SO-1")
    site.hear_until(LONG_AFTER)
    (stored,) = [each for each in site.milestones if each.name == "stored"]
    assert stored.evidence == (1, 2, 3, 4)
