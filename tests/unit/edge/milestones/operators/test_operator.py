from collections.abc import Callable
from typing import Any


def test_only_an_exception_says_what_it_blocks(site: Callable[..., Any]) -> None:
    rule = {
        "operator": "gather",
        "milestone": "picked",
        "partial": "short",
        "blocks": "order",
        "about": "order",
        "of": {"kind": "pick"},
        "distinct": "pick",
        "until": "requested",
        "within_seconds": 6,
    }
    here = site({"picked": rule})
    here.see("pick", 1_000, order="SO-1", pick=1, requested=1)
    here.see("pick", 1_000, order="SO-2", pick=1, requested=2)
    here.hear_until(1_000_000)
    assert [(each.name, each.blocks) for each in here.milestones] == [
        ("picked", None),
        ("short", "order"),
    ]
