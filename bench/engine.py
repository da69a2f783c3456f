"""How fast the engine is by itself: decoding and collapsing, without a store."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from pydantic import TypeAdapter

from bench.report import Figure
from drivers.contract import Signal
from edge.milestones.decode import Decoder, ObservationSettings, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Observation, Track, TrackId
from edge.milestones.rules import Rule

NOW = 1_790_000_000_000
SIGNALS = 20_000
BATCH = 200
ROUNDS = 5
"""Each figure is the fastest of so many runs, all taking turns: the machine is never quiet."""
RULES = (10, 100, 1000)
TRACKS = (1_000, 100_000, 1_000_000)


class _Tracks(dict[TrackId, Track]):
    """Implements `model.Tracks` in memory."""

    def between(
        self, owner: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, Track]]:
        raise NotImplementedError(owner, after, until, limit)  # no source of these reorders

    def commit(self, decision: Decision) -> None:
        for track, new in decision.tracks.items():
            if new is None:
                self.pop(track, None)
            else:
                self[track] = new


class _Site:
    """Rules that take turns: each hears a kind of its own, which one subject tells."""

    def __init__(self, rules: int, tracks: int) -> None:
        observations = TypeAdapter(list[ObservationSettings]).validate_python(
            [_observation(number) for number in range(rules)]
        )
        self._decoder = Decoder(observations)
        self._engine = RulesEngine(
            "https://bench.example",
            TypeAdapter(dict[str, Rule]).validate_python(
                {f"rule-{number}": _rule(number) for number in range(rules)}
            ),
            {},
            sources_of(observations),
        )
        self._tracks = _Tracks()
        self._rules = rules
        self._numbers = iter(range(1, 1 << 62))
        # A unit of each rule that has been picked from once, and waits; the others are like it.
        self._collapse([self._signal(1, number, number) for number in range(rules)])
        begun = [*self._tracks.items()]
        for number in range(len(begun), tracks):
            track, known = begun[number % len(begun)]
            self._tracks[TrackId(track.owner, f"{track.key} {number}")] = known
        self.open = len(self._tracks)

    def seconds(self, concerned: float) -> float:
        """Return how long it takes to judge signals of which so many concern a rule."""
        batches = [*self._batches(concerned)]
        began = time.perf_counter()
        for batch in batches:
            self._collapse(batch)
        return time.perf_counter() - began

    def _batches(self, concerned: float) -> Iterator[list[Signal]]:
        every = round(1 / concerned)
        base = next(self._numbers) * SIGNALS
        for first in range(0, SIGNALS, BATCH):
            yield [
                self._signal(2, base + n, n % self._rules)
                if n % every == 0
                else Signal("dc/telemetry/motor-7", PAYLOAD, NOW)
                for n in range(first, first + BATCH)
            ]

    def _signal(self, pick: int, unit: int, rule: int) -> Signal:
        return Signal(f"dc/station-{rule}/pick", _payload(pick, unit), NOW)

    def _collapse(self, batch: list[Signal]) -> None:
        observations: list[Observation] = []
        for signal in batch:
            observations += self._decoder.decode(next(self._numbers), "floor", signal)
        self._tracks.commit(self._engine.collapse(observations, self._tracks))


def _observation(number: int) -> dict[str, Any]:
    return {
        "source": "floor",
        "subject": f"dc/station-{number}/pick",
        "kind": f"pick-{number}",
        "time": "time",
        "fields": {
            "unit": "unit",
            "pick": "pick",
            "read_point": "subject/1",
            "requested": "requested",
        },
    }


def _rule(number: int) -> dict[str, Any]:
    kind = {"kind": f"pick-{number}"}
    common = {"milestone": "picked", "about": "unit"}
    operators: list[dict[str, Any]] = [
        {"operator": "one", "of": kind, "occurrence": ["pick"]},
        {
            "operator": "gather",
            "of": kind,
            "distinct": "pick",
            "until": "requested",
            "within_seconds": 600,
        },
        {
            "operator": "join",
            "of": [kind | {"where": {"pick": "1"}}, kind | {"where": {"pick": "2"}}],
            "within_seconds": 600,
        },
        {
            "operator": "absence",
            "after": kind | {"where": {"pick": "1"}},
            "expect": kind | {"where": {"pick": "2"}},
            "within_seconds": 600,
        },
        {"operator": "transition", "of": kind, "level": "pick", "level_of": ["unit"], "to": ["2"]},
    ]
    return common | operators[number % len(operators)]


def _payload(pick: int, unit: int) -> bytes:
    told = {"time": NOW, "unit": f"U{unit:012}", "pick": str(pick), "requested": 2}
    return orjson.dumps(told | {"operator": "maria", "shift": "late", "weight": 1.25})


PAYLOAD = _payload(2, 0)


def figures(scratch: Path) -> list[Figure]:
    """Measure 50 rules over 10,000 tracks; then how cost grows with rules, and with tracks."""
    del scratch
    site = _Site(50, 10_000)
    few, every, reading = _fastest(
        lambda: site.seconds(0.05), lambda: site.seconds(1.0), _decode_alone
    )
    told = [
        Figure(
            name,
            SIGNALS / seconds,
            "signals/s",
            of={"msgspec": SIGNALS / reading},
            ratio_to="msgspec",
            also={"open_tracks": site.open},
            note=f"50 rules of five operators; {share} of the signals concern one",
        )
        for name, seconds, share in (("engine_few", few, "5 %"), ("engine_all", every, "all"))
    ]
    by_rules = {n: _Site(n, 10_000) for n in RULES}
    told.append(_growth("engine_rules", by_rules))
    by_rules.clear()
    told.append(_growth("engine_tracks", {n: _Site(50, n) for n in TRACKS}))
    return told


def _growth(name: str, sites: dict[int, _Site]) -> Figure:
    """Return how many times as long it takes with the most as with the fewest."""
    seconds = _fastest(*(lambda site=site: site.seconds(1.0) for site in sites.values()))
    micro = {str(size): 1e6 * each / SIGNALS for size, each in zip(sites, seconds, strict=True)}
    fewest, *_, most = micro
    return Figure(
        name,
        micro[most],
        "us/signal",
        of=micro,
        ratio_to=fewest,
        note="every signal concerns one rule",
    )


def _decode_alone() -> float:
    began = time.perf_counter()
    for _ in range(SIGNALS):
        msgspec.json.decode(PAYLOAD)
    return time.perf_counter() - began


def _fastest(*measured: Any) -> list[float]:
    runs = [[each() for each in measured] for _ in range(ROUNDS)]
    return [min(run[i] for run in runs) for i in range(len(measured))]
