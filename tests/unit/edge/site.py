"""A small site: what scanners say is received; what is not confirmed in 30 s is lost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import TypeAdapter

from buffer.lane import Lane
from buffer.store import Store
from drivers.contract import Signal
from edge.ingest import Ingest, Judge, Route
from edge.milestones.decode import Decoder
from edge.milestones.decode.settings import ObservationSettings
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Name, Observation, TrackId, Tracks
from edge.milestones.rules import Lifecycle, Rule
from edge.milestones.site import Site

START = 1_772_352_000_000

_OBSERVATIONS = [
    {
        "source": "floor",
        "subject": f"{kind}/+",
        "format": "json",
        "kind": kind,
        "time": "time",
        "fields": {"unit": "unit", "read_point": "subject/1", "item": "item?"},
    }
    for kind in ("scan", "infeed", "divert")
]
_RULES = {
    "received": {
        "milestone": "received",
        "operator": "one",
        "of": {"kind": "scan"},
        "about": "unit",
    },
    "lost-on-conveyor": {
        "milestone": "lost",
        "operator": "absence",
        "after": {"kind": "infeed"},
        "expect": {"kind": "divert"},
        "about": "unit",
        "within_seconds": 30,
    },
}


class FaultyEngine(RulesEngine):
    """The engine, with a fault: units named "faulty…" break it."""

    def collapse(self, observations: Iterable[Observation], tracks: Tracks) -> Decision:
        observations = list(observations)
        if any(str(each.fields["unit"]).startswith("faulty") for each in observations):
            raise ZeroDivisionError("a fault of the engine")
        return super().collapse(observations, tracks)

    def expire(self, due: Iterable[TrackId], tracks: Tracks, horizon: int) -> Decision:
        due = list(due)
        if any("overdue" in track.key for track in due):
            raise ZeroDivisionError("a fault of the engine")
        return super().expire(due, tracks, horizon)


def said(kind: str, unit: str, at: int = START, **more: Any) -> Signal:
    """Return what a scanner says."""
    payload = orjson.dumps({"unit": unit, "time": at, **more})
    return Signal(f"{kind}/dock-1", payload, received_at=at)


def ingest_of(
    store: Store,
    *,
    clock: Callable[[], int] = lambda: START,
    on_milestones: Callable[[], None] = lambda: None,
    lifecycles: Mapping[str, Lifecycle] = MappingProxyType({}),
    further: Sequence[Mapping[str, Any]] = (),
) -> Ingest:
    """Return the intake of the site; the ERP is owed all, the WMS what is lost.

    `further` are more observations.
    """
    rules = TypeAdapter(dict[str, Rule]).validate_python(_RULES)
    sources = dict.fromkeys(("scan", "infeed", "divert"), frozenset({"floor"}))
    observations = TypeAdapter(list[ObservationSettings]).validate_python(
        [*_OBSERVATIONS, *further]
    )
    return Ingest(
        store,
        Judge(
            decoder=Decoder(observations),
            engine=FaultyEngine("dc", rules, lifecycles, sources),
            site=Site("https://dc.example"),
            routes=[
                Route("erp", dict.fromkeys(Name, Lane.NORMAL)),
                Route("wms", {Name.LOST: Lane.CRITICAL}),
            ],
            clock=clock,
            confirm=lambda _: None,
        ),
        on_milestones=on_milestones,
    )
