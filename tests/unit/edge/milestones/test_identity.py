import itertools

import pytest

from edge.milestones.identity import milestone_id

HAPPENED = (1_769_000_000_000, "dc-north", "picked", "picked", "order:SO-1")


@pytest.mark.parametrize(
    ("occurrence", "retraction", "known"),
    [
        (["1"], False, "019be09dda00a2effeaa46214a051d84"),
        (["1", None, "é"], False, "019be09dda003e4df8f107609e7e1d8c"),
        (["1"], True, "019be09dda00dd8a6d2513f8553f880f"),
    ],
)
def test_the_id_is_128_bits_and_never_changes(
    occurrence: list[str | None], known: str, *, retraction: bool
) -> None:
    # Fixed values: were the encoding ever changed, every replay after an
    # upgrade would book its facts a second time.
    assert milestone_id(*HAPPENED, occurrence=occurrence, retraction=retraction) == known


def test_ids_sort_by_time() -> None:
    times = [0, 1, 255, 256, 1_769_000_000_000, 1_769_000_000_001]
    ids = [milestone_id(at, *HAPPENED[1:]) for at in times]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_whatever_tells_two_facts_apart_gives_two_ids() -> None:
    at, site, rule, name, key = HAPPENED
    different = [
        milestone_id(at, site, rule, name, key),
        milestone_id(at + 1, site, rule, name, key),
        milestone_id(at, "dc-south", rule, name, key),
        milestone_id(at, site, "picked-2", name, key),
        milestone_id(at, site, rule, "short", key),
        milestone_id(at, site, rule, name, "order:SO-2"),
        milestone_id(at, site, rule, name, key, occurrence=["1"]),
        milestone_id(at, site, rule, name, key, occurrence=["1", "2"]),
        milestone_id(at, site, rule, name, key, occurrence=["12"]),
        milestone_id(at, site, rule, name, key, occurrence=[None]),
        milestone_id(at, site, rule, name, key, occurrence=["None"]),
        milestone_id(at, site, rule, name, key, retraction=True),
    ]
    for one, other in itertools.combinations(different, 2):
        assert one != other


def test_neighbouring_parts_cannot_be_mistaken_for_each_other() -> None:
    assert milestone_id(0, "a", "bc", "d", "e") != milestone_id(0, "ab", "c", "d", "e")
    assert milestone_id(0, "s", "r", "n", "k", occurrence=['a","b']) != milestone_id(
        0, "s", "r", "n", "k", occurrence=["a", "b"]
    )


def test_a_device_with_an_absurd_clock_or_label_still_gets_an_id() -> None:
    for at in (-1, -(10**15), 1 << 48, 10**30):
        assert len(milestone_id(at, "s", "r", "n", "k")) == 32
    assert len(milestone_id(0, "s", "r", "n", "unit:\ud800")) == 32
