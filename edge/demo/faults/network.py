"""What the network to the ERP does: it is cut, it swallows, it falls silent."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from edge.demo.faults.fault import Fault, Happening
from edge.demo.stage import Stage, Staging

NETWORKED = Staging(is_networked=True)


def _is(stage: Stage, *, cut: bool = False, **faults: Any) -> Callable[[], Awaitable[None]]:
    async def put_in_force() -> None:
        stage.to_erp.faults(**faults)
        if cut:
            await stage.to_erp.cut()

    return put_in_force


def _for_a_while(
    words: str, healthy: Mapping[str, Any], *, cut: bool = False, **faults: Any
) -> Fault:
    def happenings(stage: Stage, play: float) -> Sequence[Happening]:
        return [
            Happening(0.25 * play, words, _is(stage, cut=cut, **faults)),
            Happening(0.7 * play, "the network is well", _is(stage, **healthy)),
        ]

    return Fault(words, happenings, NETWORKED)


FAULTS = {
    "network-cut": _for_a_while(
        "the ERP is cut off, and new connections are reset",
        {"refused": False},
        cut=True,
        refused=True,
    ),
    "network-silent": _for_a_while(
        "nothing passes to or from the ERP, although the connections stand",
        {"stalled": False},
        stalled=True,
    ),
    "network-slow": _for_a_while(
        "each piece that passes to or from the ERP takes 300 ms",
        {"delay_seconds": 0.0},
        delay_seconds=0.3,
    ),
    "replies-lost": _for_a_while(
        "postings reach the ERP, and its answers are lost",
        {"replies_lost": False},
        replies_lost=True,
    ),
}
