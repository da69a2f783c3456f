"""A rule that was changed finishes what it began, as if nothing had been changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import Milestone, Observation, TrackId
from edge.milestones.operators.operator import former_owner
from edge.milestones.rules import Rule
from tests.known_tracks import KnownTracks

RULES: TypeAdapter[dict[str, Rule]] = TypeAdapter(dict[str, Rule])
LATER = 1_000_000
Given = Mapping[str, Mapping[str, Any]]


class Site:
    """An engine whose rules can be changed, and leave to the former ones what is open."""

    def __init__(
        self, rules: Given, sources: Mapping[str, str], reorder: Mapping[str, int] | None = None
    ) -> None:
        self.tracks = KnownTracks()
        self.told: list[Milestone] = []
        self.objections: list[str] = []
        self._sources = {kind: frozenset({source}) for kind, source in sources.items()}
        self._reorder = reorder or {}
        self._rules = RULES.validate_python(rules)
        self.engine = self._engine({})
        self._signals = 0

    def change(self, rules: Given) -> None:
        former = {name: [rule] for name, rule in self._rules.items() if name in rules}
        for track in [each for each in self.tracks if each.owner in former]:
            owner = former_owner(track.owner, self._rules[track.owner])
            self.tracks[TrackId(owner, track.key)] = self.tracks.pop(track)
        self._rules = RULES.validate_python({**rules})
        self.engine = self._engine(former)

    def _engine(self, former: Mapping[str, list[Rule]]) -> RulesEngine:
        return RulesEngine("dc", self._rules, {}, self._sources, self._reorder, former=former)

    def see(self, kind: str, at: int, **fields: Any) -> None:
        self._signals += 1
        (source,) = self._sources[kind]
        one = Observation(self._signals, source, kind, at, fields)
        self._take(self.engine.collapse([one], self.tracks))

    def expire(self, horizon: int, owners: Iterable[str] | None = None) -> None:
        for owner in owners or self.engine.owners():
            until = self.engine.horizon(owner, horizon, self.tracks)
            due = self.tracks.due(owner, until)
            self._take(self.engine.expire(due, self.tracks, until))

    def _take(self, decision: Any) -> None:
        self.tracks.commit(decision)
        self.objections += [each.reason for each in decision.objections]
        self.told += decision.milestones

    def facts(self) -> list[tuple[str, str, int]]:
        return [(each.name.value, each.key, each.occurred_at) for each in self.told]


def absence(after: Mapping[str, Any], expect: str, within: int) -> dict[str, Any]:
    return {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": after,
        "expect": {"kind": expect},
        "within_seconds": within,
        "wait_seconds": 0,
    }


def test_it_hears_its_own_sources_also_where_the_new_version_has_others() -> None:
    sources = {"infeed": "plc", "divert": "sorter", "exit": "plc"}
    site = Site({"late": absence({"kind": "infeed"}, "divert", 6)}, sources)
    site.see("infeed", 1_000, unit="U")
    site.change({"late": absence({"kind": "infeed"}, "exit", 7)})
    owners = site.engine.owners()
    (former,) = [owner for owner in owners if owner.startswith("former:")]
    assert owners[former] == {"plc", "sorter"}
    assert owners["late"] == {"plc"}


def once(about: str, kind: str) -> dict[str, Any]:
    return {"operator": "one", "milestone": "received", "about": about, "of": {"kind": kind}}


def test_what_only_the_new_version_can_read_is_no_fault() -> None:
    site = Site({"in": once("lpn", "scan")}, {"scan": "floor", "dock": "floor"})
    site.change({"in": once("unit", "scan")})
    site.see("scan", 1_000, unit="U")
    assert (site.facts(), site.objections) == ([("received", "unit:U", 1_000)], [])
    site.see("scan", 2_000)
    assert site.objections == ["rule in: field 'unit' of 'scan' is missing"]


def test_what_it_finishes_other_rules_hear_of_as_well() -> None:
    sources = {"infeed": "plc", "divert": "plc"}
    lost = absence({"kind": "infeed"}, "divert", 6)
    seen = {"received": once("unit", "divert")}
    site = Site({"lost": lost, **seen}, sources)
    site.see("infeed", 1_000, unit="U")
    site.change({"lost": {**lost, "within_seconds": 7}, **seen})
    site.see("divert", 2_000, unit="U")
    site.expire(LATER)
    assert site.facts() == [("received", "unit:U", 2_000)]


def test_what_it_cannot_read_is_a_fault_if_the_new_version_does_not_listen() -> None:
    site = Site({"in": once("lpn", "scan")}, {"scan": "floor", "dock": "floor"})
    site.change({"in": once("unit", "dock")})
    site.see("scan", 1_000, unit="U")
    assert site.objections == ["rule in: field 'lpn' of 'scan' is missing"]


def test_it_is_judged_after_the_rules_that_it_listens_to() -> None:
    count = {
        "operator": "gather",
        "milestone": "picked",
        "partial": "short",
        "about": "order",
        "of": {"kind": "pick"},
        "distinct": "pick",
        "until": "requested",
        "within_seconds": 10,
        "wait_seconds": 2,
    }

    def overdue(within: int) -> dict[str, Any]:
        settings = absence({"kind": "start"}, "start", within)
        return {**settings, "about": "order", "expect": {"milestone": "short"}}

    site = Site({"count": count, "overdue": overdue(30)}, {"pick": "floor", "start": "floor"})
    site.see("start", 1_000, order="O")
    site.see("pick", 2_000, order="O", pick="a", requested=2)
    site.change({"count": count, "overdue": overdue(40)})
    owners = list(site.engine.owners())
    former = [owner.split(":")[1] for owner in owners if owner.startswith("former:")]
    assert former == ["count", "overdue"]
    assert owners.index("count") < owners.index(next(o for o in owners if "former:overdue" in o))
    site.expire(1_000_000)  # as after an outage
    assert site.facts() == [("short", "order:O", 12_000)]


def test_what_its_deadline_ends_it_does_not_begin_anew() -> None:
    def count(within: int) -> dict[str, Any]:
        return {
            "operator": "gather",
            "milestone": "picked",
            "partial": "short",
            "about": "order",
            "of": {"kind": "pick"},
            "distinct": "pick",
            "until": "requested",
            "within_seconds": within,
        }

    site = Site({"count": count(10)}, {"pick": "floor"}, {"floor": 2_000})
    site.see("pick", 1_000, order="O", pick="a", requested=3)
    site.see("pick", 9_000, order="X", pick="a", requested=9)
    site.change({"count": count(100)})
    # The order of the source goes on; the deadline of O was over before what comes next.
    for at, order, pick in ((50_000, "O", "b"), (60_000, "Y", "z"), (90_000, "Y", "y")):
        site.see("pick", at, order=order, pick=pick, requested=3)
    site.expire(70_000)
    assert ("short", "order:O", 11_000) in site.facts()
    assert len([key for _, key, _ in site.facts() if key == "order:O"]) == 1
    assert not [
        each for each in site.tracks if each.owner.startswith("former:") and "O" in each.key
    ]


def test_a_fact_is_retracted_as_it_was_told_though_the_rule_says_otherwise_now() -> None:
    site = Site({"late": absence({"kind": "in"}, "out", 6)}, {"in": "plc", "out": "plc"})
    site.see("in", 1_000, unit="U")
    site.expire(8_000)
    # Another version goes on with the same tracks.
    site._rules = RULES.validate_python({"late": absence({"kind": "in"}, "out", 8)})
    site.engine = site._engine({})
    site.see("out", 5_000, unit="U")
    told, retraction = site.told
    assert (retraction.retracts, retraction.occurred_at) == (told.id, 7_000)


def test_it_ends_though_what_it_listened_to_follows_from_its_milestones_in_force() -> None:
    def one(concludes: str, of: Mapping[str, Any]) -> dict[str, Any]:
        return {"operator": "one", "milestone": concludes, "about": "unit", "of": of}

    both = {
        "operator": "join",
        "milestone": "loaded",
        "about": "unit",
        "of": [{"milestone": "stored"}, {"kind": "load"}],
        "within_seconds": 10,
    }
    sources = {"drop": "fleet", "load": "floor"}
    site = Site({"stored": one("stored", {"kind": "drop"}), "loaded": both}, sources)
    site.see("drop", 1_000, unit="U")
    site.change(
        {
            "stored": one("stored", {"milestone": "loaded"}),
            "loaded": one("loaded", {"kind": "load"}),
        }
    )
    site.see("load", 2_000, unit="U")
    assert site.facts() == [
        ("stored", "unit:U", 1_000),
        ("loaded", "unit:U", 2_000),
        ("stored", "unit:U", 2_000),
    ]
    assert site.told[1].rule_version == RULES.validate_python({"loaded": both})["loaded"].version


def test_a_packing_that_is_changed_goes_on_and_what_is_said_is_told_of_what_it_packs() -> None:
    def packed(within: int) -> dict[str, Any]:
        return {
            "operator": "gather",
            "milestone": "packed",
            "about": "unit",
            "of": {"kind": "put"},
            "distinct": "child",
            "children": "child",
            "children_are": "units",
            "until": "count",
            "within_seconds": within,
        }

    def one(concludes: str) -> dict[str, Any]:
        of = {"kind": concludes}
        return {"operator": "one", "milestone": concludes, "about": "unit", "of": of}

    rules = {"opened": one("unpacked"), "loaded": {**one("loaded"), "for_content": True}}
    sources = {"put": "floor", "unpacked": "floor", "loaded": "floor"}
    site = Site({**rules, "packed": packed(60)}, sources)
    site.see("put", 1_000, unit="P", child="C", count=2)
    site.change({**rules, "packed": packed(90)})
    site.see("put", 2_000, unit="P", child="D", count=2)
    site.see("loaded", 3_000, unit="P")
    assert site.facts() == [
        ("packed", "unit:P", 2_000),
        *[("loaded", f"unit:{each}", 3_000) for each in "PCD"],
    ]
