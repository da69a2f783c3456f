"""What a network does: it is cut, it is slow, it swallows, it falls silent.

It never falls silent between broker and gateway: what a broker says there with
QoS 0 is gone, as vehicles tell their states.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from edge.demo.faults.fault import Fault, Happening
from edge.demo.stage import Stage, Staging
from simulators.proxy import Proxy

NETWORKED = Staging(is_networked=True)

Links = Callable[[Stage], tuple[Proxy, ...]]


def _both(stage: Stage) -> tuple[Proxy, ...]:
    return stage.to_broker, stage.to_erp


def _to_erp(stage: Stage) -> tuple[Proxy, ...]:
    return (stage.to_erp,)


def _is(
    links: Links, stage: Stage, *, cut: bool = False, **faults: Any
) -> Callable[[], Awaitable[None]]:
    async def put_in_force() -> None:
        for proxy in links(stage):
            proxy.faults(**faults)
            if cut:
                await proxy.cut()

    return put_in_force


def _for_a_while(
    links: Links, words: str, healthy: Mapping[str, Any], *, cut: bool = False, **faults: Any
) -> Fault:
    def happenings(stage: Stage, play: float) -> Sequence[Happening]:
        return [
            Happening(0.25 * play, words, _is(links, stage, cut=cut, **faults)),
            Happening(0.7 * play, "the network is well", _is(links, stage, **healthy)),
        ]

    return Fault(words, happenings, NETWORKED)


FAULTS = {
    "network-cut": _for_a_while(
        _both,
        "broker and ERP are cut off, and new connections are reset",
        {"refused": False},
        cut=True,
        refused=True,
    ),
    "network-silent": _for_a_while(
        _to_erp,
        "nothing passes to or from the ERP, although the connections stand",
        {"stalled": False},
        stalled=True,
    ),
    "network-slow": _for_a_while(
        _both,
        "each piece that passes to or from broker and ERP takes 300 ms",
        {"delay_seconds": 0.0},
        delay_seconds=0.3,
    ),
    "replies-lost": _for_a_while(
        _to_erp,
        "postings reach the ERP, and its answers are lost",
        {"replies_lost": False},
        replies_lost=True,
    ),
}
