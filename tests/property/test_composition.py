"""Rules on milestones decide the same in whatever order, batch or life things are told.

Every way to conclude at a deadline feeds a rule here, and every way to wait for
a deadline listens to one.
"""

from collections.abc import Sequence
from itertools import chain, compress, product
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Observation, TrackId, Value
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of
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
SITE = Site(RULES, LIFECYCLES)

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


ONCE = ("closed", "weight", "seen", "returned", "loaded")
TIMES = range(0, 25_000, 100)
OF_UNIT = st.tuples(
    one_of_each(
        [*product([False, True], repeat=len(ONCE))],
        range(4),
        range(4),
        [None, None, None, None, 1, 2, 3, 4],
        [0, 1, *range(500, 5_000, 500)],
    ),
    *[one_of_each(TIMES, TIMES, TIMES)] * 4,
)
"""What happens once, how many picks and puts, how much was requested; how soon after; and when."""
OF_ORDER = one_of_each(TIMES, TIMES, range(3), [False, True], [0, 1, *range(500, 5_000, 500)])
"""How often, and when, the order is opened; whether it is closed, and how soon after all else."""


def as_happened(units: Sequence[Any], of_order: Sequence[Any]) -> list[Happening]:
    """Each kind of thing happens to a unit at most once; picks and puts, several times."""
    found: list[Happening] = []
    for unit, ((do_once, picks, puts, requested, soon), *drawn) in zip(UNITS, units, strict=True):
        times = chain.from_iterable(drawn)
        told: dict[str, Value] = {"unit": unit, "order": "SO-1"}
        found += [Happening(next(times), kind, told) for kind in compress(ONCE, do_once)]
        line: dict[str, Value] = {**told, "requested": 3}
        found += [Happening(next(times), "pick", {**line, "pick": n}) for n in range(picks)]
        put = [Happening(next(times), "put", {**told, "put": n}) for n in range(puts)]
        found += put
        if requested is not None and put:
            found.append(_after(put, soon, "enough", {**told, "requested": requested}))
    *opened, often, is_closed, soon = of_order
    found += [Happening(at, "order-opened", {"order": "SO-1"}) for at in opened[:often]]
    if is_closed:
        closed = [each for each in found if each.kind == "closed"]
        found.append(_after(closed, soon, "order-closed", {"order": "SO-1"}))
    return found


def _after(
    members: Sequence[Happening], soon: int, kind: str, fields: dict[str, Value]
) -> Happening:
    """What closes a count happens after its members."""
    return Happening(max((each.at for each in members), default=0) + soon, kind, fields)


HAPPENINGS = st.builds(as_happened, st.tuples(*[OF_UNIT] * len(UNITS)), OF_ORDER)


def tellings(happened: Sequence[Happening], seed: int) -> list[Telling]:
    """Tell all of it in time, some of it again, in any batches, and judge now and then."""
    random = chance(seed, happened)
    told = arrivals(random, ((each.at, each) for each in happened), MOST_DELAY, 30_000)
    acts = some_of(random, [(False, False), (False, True), (True, False), (True, True)], len(told))
    return [Telling(*each, *then) for each, then in zip(told, acts, strict=True)]


def expire(site: Site, horizon: int) -> None:
    """Judge as the daemon does: owner by owner, a few at a time, from the start until all are."""
    ranks = {owner: rank for rank, owner in enumerate(site.engine.owners())}
    while site.tracks.is_any_due(horizon):
        due: list[TrackId] = [
            track
            for track, known in site.tracks.items()
            if known.due_at is not None and known.due_at <= horizon
        ]
        first = min(due, key=lambda track: (ranks[track.owner], track))
        site._commit(site.engine.expire([first], site.tracks, horizon))


def decide(told: Sequence[Telling]) -> Site:
    site = SITE.anew()
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


@given(HAPPENINGS, SEEDS)
def test_late_repeated_and_disordered_telling_changes_no_fact(
    happened: list[Happening], seed: int
) -> None:
    happened.sort(key=lambda each: each.at)
    in_order = [Telling(each.at, each, judged_before=True, batch_ends=True) for each in happened]
    expected = decide(in_order)
    told = decide(tellings(happened, seed))
    assert facts(told) == facts(expected)


@given(HAPPENINGS, SEEDS)
def test_the_batches_decide_nothing(happened: list[Happening], seed: int) -> None:
    told = tellings(happened, seed)
    one, other = SITE.anew(), SITE.anew()
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
    site = SITE.anew()
    for at, kind, unit in [(0, "closed", "U1"), (100, "closed", "U2"), (200, "weight", "U1")]:
        site.see(kind, at, unit=unit, order="SO-1")
    site.see("order-closed", 3_000, order="SO-1")
    site.hear_until(LONG_AFTER)
    (stored,) = [each for each in site.milestones if each.name == "stored"]
    assert stored.evidence == (1, 2, 3, 4)
