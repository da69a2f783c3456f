"""What happens, told late, repeatedly and in whatever batches to an engine that may crash."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from edge.milestones.model import Observation
from tests.property.drawing import arrivals, chance, some_of
from tests.unit.edge.milestones.conftest import Site

MOST_DELAY = 2_000
"""Devices tell within this time; rules wait as long, or longer."""
LONG_AFTER = 1_000_000
"""Every deadline has passed, and nothing is forgotten yet."""


class Happening(NamedTuple):
    """What happens, and when."""

    at: int
    kind: str
    fields: Mapping[str, Any]


class Then(Enum):
    """What the engine does before the next thing is told."""

    GO_ON = auto()
    COMMIT = auto()
    CRASH = auto()
    """Decides, and stops before the commit; then it is told all of the batch again, singly."""
    JUDGE = auto()
    """Commits, and judges what is due."""


class Telling(NamedTuple):
    """A happening as a device tells it, once or again."""

    arrives_at: int
    happening: Happening
    then: Then


def tellings(happened: Iterable[Happening], seed: int) -> list[Telling]:
    """Tell all of it within the time for that, some of it repeatedly, some of it much later."""
    happened = list(happened)
    random = chance(seed, happened)
    told = arrivals(random, ((each.at, each) for each in happened), MOST_DELAY, 30_000)
    acts = some_of(random, list(Then), len(told))
    return [Telling(at, each, then) for (at, each), then in zip(told, acts, strict=True)]


def in_order(happened: Iterable[Happening]) -> list[Telling]:
    """Tell everything as it happens, and judge what is due before each."""
    ordered = sorted(happened, key=lambda each: each.at)
    return [Telling(each.at, each, Then.JUDGE) for each in ordered]


def live(site: Site, told: Sequence[Telling]) -> Site:
    """Let the site hear all of it, and judge every deadline; then replay it, which tells nothing.

    Tracks are JSON between any two steps.
    """
    batch: list[Observation] = []
    for signal, telling in enumerate(told, 1):
        happening = telling.happening
        lag = telling.arrives_at - happening.at
        batch.append(
            Observation(signal, "floor", happening.kind, happening.at, happening.fields, lag)
        )
        if telling.then is Then.CRASH:
            site.engine.collapse(batch, site.tracks)
            for each in batch:
                site._commit(site.engine.collapse([each], site.tracks))
            batch = []
        elif telling.then is not Then.GO_ON:
            site._commit(site.engine.collapse(batch, site.tracks))
            batch = []
        if telling.then is Then.JUDGE:
            # What comes next had not been told a moment before.
            following = told[signal : signal + 1]
            judge(site, following[0].arrives_at - 1 if following else LONG_AFTER)
    site._commit(site.engine.collapse(batch, site.tracks))
    judge(site, LONG_AFTER)
    concluded = len(site.milestones)
    for telling in told:
        site.see(telling.happening.kind, telling.happening.at, **telling.happening.fields)
    judge(site, LONG_AFTER)
    assert len(site.milestones) == concluded, "a replay told something"
    return site


def judge(site: Site, heard: int) -> None:
    """Judge what may be judged when all that was said until then has been taken."""
    if site.tracks.is_any_due(heard):
        site.listen_until(heard)


def facts(site: Site) -> dict[str, tuple[object, ...]]:
    """Return what was told, by id; each once."""
    told: dict[str, tuple[object, ...]] = {
        each.id: (each.name, each.key, each.occurred_at, each.attributes, each.retracts)
        for each in site.milestones
    }
    assert len(told) == len(site.milestones), "a fact was told twice"
    return told


def stories(site: Site) -> list[tuple[object, ...]]:
    """Return what was told without ids, sorted, to compare with what an oracle says."""
    return sorted(
        (
            (each.name.value, each.key, each.occurred_at, each.attributes)
            for each in site.milestones
        ),
        key=repr,
    )
