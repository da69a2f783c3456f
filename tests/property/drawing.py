"""Stories and tellings that cost Hypothesis few choices: an example costs by its choices."""

from collections.abc import Iterable, Sequence
from math import prod
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

Thing = TypeVar("Thing")

EVENLY = 2**24
"""The most that one choice decides. Of more Hypothesis draws small numbers nearly always; of this,
too, it draws 0 and the ends often, and some again: see `chance`."""
SEEDS = st.integers(0, EVENLY - 1)
"""What decides how a story is told: it need not shrink, as the story does."""


def one_of_each(*choices: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw one of each of these by one choice; each shrinks to its first."""
    assert prod(map(len, choices)) <= EVENLY

    def found(number: int) -> tuple[Any, ...]:
        drawn = []
        for among in choices:
            number, place = divmod(number, len(among))
            drawn.append(among[place])
        return tuple(drawn)

    return st.integers(0, prod(map(len, choices)) - 1).map(found)


def chance(seed: int, story: object) -> Random:
    """Return what decides the telling of a story: a seed is often drawn again."""
    return Random(f"{seed} {story!r}")


def arrivals(
    random: Random,
    happened: Iterable[tuple[int, Thing]],
    most_delay: int,
    repeated_within: int | None = None,
) -> list[tuple[int, Thing]]:
    """Tell each, by its time, within the delay, in whatever order; some of it again, if it may be.

    A quarter of all tellings has no delays, and a quarter none but the longest;
    about a quarter has no repeats.
    """
    delays = random.choice(
        [range(1), (0, most_delay), range(most_delay + 1), range(most_delay + 1)]
    )
    told = [(at + random.choice(delays), thing) for at, thing in happened]
    if told and repeated_within is not None:
        for _ in range(random.choice((0, 1, 3, len(told)))):
            arrives_at, thing = random.choice(told)
            after = random.choice((0, random.randint(0, repeated_within)))
            told.append((arrives_at + after, thing))
    random.shuffle(told)
    told.sort(key=lambda each: each[0])
    return told


def some_of(random: Random, acts: Sequence[Thing], many: int) -> list[Thing]:
    """Return so many acts: of all kinds, of a few, or all of one kind."""
    return random.choices(random.choices(acts, k=random.randint(1, 2 * len(acts))), k=many)
