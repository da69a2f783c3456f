"""An absence against its definition: what was not followed within its time, and nothing else."""

from collections.abc import Sequence
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from tests.property.drawing import SEEDS, chance, one_of_each
from tests.property.telling import Happening, facts, in_order, live, stories, tellings
from tests.unit.edge.milestones.conftest import Site

WITHIN = 1_500
"""Less than devices may be late: an answer may be told before what it does not answer."""
RULES = {
    "stuck": {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"kind": "infeed"},
        "expect": {"kind": "divert"},
        "within_seconds": WITHIN / 1000,
        "wait_seconds": 2,
    }
}
SITE = Site(RULES)

# Often just as long after each other as an answer may take, or a little more or less.
HAPPENINGS = st.lists(
    one_of_each(
        range(0, 12_000, WITHIN // 3),
        [*[0, 1] * 250, *range(500)],
        ["infeed", "infeed", "divert"],
        ["U1", "U1", "U2"],
    ),
    max_size=9,
    unique_by=lambda each: (each[0] + each[1], each[2:]),
).map(
    lambda drawn: [
        Happening(at + more, kind, {"unit": unit, "pass": at + more})
        for at, more, kind, unit in drawn
    ]
)


def lost(happened: Sequence[Happening]) -> list[tuple[object, ...]]:
    """Return what is lost, from the definition."""
    found: list[tuple[object, ...]] = []
    by_unit = sorted(happened, key=lambda each: (str(each.fields["unit"]), each.at))
    for unit, of_unit in groupby(by_unit, key=lambda each: each.fields["unit"]):
        told = list(of_unit)
        over: int | None = None
        for start in (each for each in told if each.kind == "infeed"):
            until = start.at + WITHIN
            is_repeat = over is not None and start.at <= over
            is_followed = any(
                each.kind == "divert" and start.at <= each.at <= until for each in told
            )
            if not is_repeat and not is_followed:
                over = until
                found.append(("lost", f"unit:{unit}", until, start.fields))
    return sorted(found, key=repr)


@given(HAPPENINGS)
def test_lost_is_what_was_not_followed_in_time(happened: list[Happening]) -> None:
    assert stories(live(SITE.anew(), in_order(happened))) == lost(happened)


@given(HAPPENINGS, SEEDS)
def test_delays_repeats_batches_and_crashes_change_nothing(
    happened: list[Happening], seed: int
) -> None:
    told = live(SITE.anew(), tellings(happened, seed))
    assert facts(told) == facts(live(SITE.anew(), in_order(happened)))


@given(HAPPENINGS, SEEDS)
def test_what_is_told_too_late_takes_back_what_it_makes_false(
    happened: list[Happening], seed: int
) -> None:
    random = chance(seed, happened)
    told = [(each.at, each) for each in happened if each.kind == "infeed"]
    told += [
        (each.at + random.randint(0, random.choice((WITHIN, 20_000))), each)
        for each in happened
        if each.kind == "divert"
    ]
    told.sort(key=lambda pair: pair[0])
    site = SITE.anew()
    for arrives_at, each in told:
        site.listen_until(arrives_at - 1)
        site.see(each.kind, each.at, **each.fields)
    site.listen_until(100_000)
    standing: dict[str, tuple[str, int]] = {}
    for milestone in site.milestones:
        if milestone.retracts is None:
            assert milestone.id not in standing
            standing[milestone.id] = (milestone.key, milestone.occurred_at)
        else:
            assert standing.pop(milestone.retracts) == (milestone.key, milestone.occurred_at)
    for key, until in standing.values():
        assert not any(
            each.kind == "divert"
            and key == f"unit:{each.fields['unit']}"
            and until - WITHIN <= each.at <= until
            for each in happened
        )
