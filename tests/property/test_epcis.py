"""Whatever a milestone tells, its event is EPCIS, or it is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.epcis import Unencodable, encode
from edge.milestones.model import Mark, Milestone, Name, Severity
from edge.milestones.site import Site
from tests.property.drawing import SEEDS, chance

SITE = Site("https://dc.example")
SCHEMA = Path(__file__).parents[3] / "shared/standards/epcis/schema/EPCIS-JSON-Schema.json"
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=40)
    | st.sampled_from(["4006381333931", "340123450000000019", "https://a/b", "urn:x:y", "https://"])
    | st.from_regex(r"(https?://|urn:)\S{1,20}", fullmatch=True)
    | st.from_regex(r"[0-9]{8,18}", fullmatch=True)
)
NAMES = ["unit", "order", "line", "item", "quantity", "requested", "read_point", "children"]
NAMES += ["trailer", "rma", "lane", "device", "uom"]
MEASURED = ["since", "measures", "min", "max", "mean", "seconds", "count"]


class Chance:
    """Makes of a few scalars whatever a milestone may tell."""

    def __init__(self, scalars: Sequence[Any], seed: int) -> None:
        self._random = chance(seed, scalars)
        self._choose = self._random.choice
        self._scalars = scalars
        self._texts = [*(each for each in scalars if isinstance(each, str)), "", "pick_id"]

    def milestone(self) -> Milestone:
        """Return one that is likely, or one that tells anything."""
        choose = self._choose
        return Milestone(
            id="0" * 32,
            name=choose([*Name]),
            rule="rule",
            key=choose(["unit:1", "read_point:a b", "order:\ud800", "device:", "x"]),
            occurred_at=choose([self._within(2**70), *[self._time()] * 3]),
            attributes=choose([self._likely, self._likely_measured, self._whatever])(),
            evidence=(1,),
            mark=choose([*Mark]),
            retracts=choose([None, "f" * 32]),
            corrected_by=choose([(), ("e" * 32,)]),
            severity=choose([None, *Severity]),
            blocks=choose([None, *NAMES]),
        )

    def _likely(self) -> dict[str, Any]:
        told = self._some(["order", "rma", "read_point", "lane"])
        told |= {"unit": self._scalar(), "item": self._scalar(), "children": self._several(1)}
        if self._choose((True, False)):
            told["quantity"] = self._choose((self._random.uniform(0, 1e6), 0, 1, 9))
        if self._choose((True, False)):
            told["requested"] = self._random.randint(1, 9)
        return told

    def _likely_measured(self) -> dict[str, Any]:
        told = self._some(["unit", "device", "read_point"])
        told["since"] = self._time()
        told["seconds"] = {name: self._random.uniform(0, 60) for name in self._names()}
        measures = ["ElectricCurrent", "https://a/b", "https://gs1.org/voc/x"]
        numbers = (self._random.uniform(-9, 9), self._within(2**70), 0, -0.0)
        likely: dict[str, Sequence[Any]] = {"measures": measures, "uom": ["AMP", "A", 7]}
        likely |= dict.fromkeys(("min", "max", "mean"), numbers)
        told |= {
            name: self._choose(of) for name, of in likely.items() if self._random.random() < 0.8
        }
        return told

    def _whatever(self) -> dict[str, Any]:
        return {
            name: self._choose((self._scalar(), self._several(0), self._named()))
            for name in [*self._some([*NAMES, *MEASURED]), *self._names()]
        }

    def _some(self, names: Sequence[str]) -> dict[str, Any]:
        many = self._random.randint(0, len(names))
        return {name: self._scalar() for name in self._random.sample(names, many)}

    def _scalar(self) -> Any:
        return self._choose(self._scalars)

    def _several(self, least: int) -> list[Any]:
        return self._random.choices(self._scalars, k=self._random.randint(least, 4))

    def _named(self) -> dict[str, Any]:
        return {name: self._scalar() for name in self._names()}

    def _names(self) -> list[str]:
        return self._random.choices(self._texts, k=self._random.randint(0, 2))

    def _time(self) -> int:
        return self._random.randint(1_420_070_400_000, 1_900_000_000_000)

    def _within(self, most: int) -> int:
        return self._random.randint(-most, most)


MILESTONES = st.builds(Chance, st.lists(SCALAR, min_size=1, max_size=5), SEEDS).map(
    Chance.milestone
)


ADDED = Path(__file__).parents[2] / "docs/events.schema.json"
says_so = fastjsonschema.compile(orjson.loads(ADDED.read_bytes()))


@pytest.fixture(scope="module")
def schema() -> Any:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    return fastjsonschema.compile(orjson.loads(SCHEMA.read_bytes()))


def encoded(milestone: Milestone) -> bytes | None:
    try:
        return encode(milestone, SITE)
    except Unencodable:
        return None


@given(MILESTONES)
def test_any_attributes_give_an_event_or_are_refused(milestone: Milestone) -> None:
    encoded(milestone)


@given(MILESTONES)
def test_whatever_becomes_an_event_is_epcis(schema: Any, milestone: Milestone) -> None:
    if (body := encoded(milestone)) is not None:
        event = orjson.loads(body)
        document = {
            "@context": event["@context"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-01-21T12:53:20Z",
            "epcisBody": {"eventList": [event]},
        }
        schema(document)


@given(MILESTONES)
def test_what_milepost_adds_is_what_its_schema_says(milestone: Milestone) -> None:
    if (body := encoded(milestone)) is not None:
        says_so(orjson.loads(body))
