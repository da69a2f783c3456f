"""Whatever operators write: a refusal that names the lines, or a configuration that works."""

import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from drivers.contract import Signal
from edge.config import Configuration, ConfigurationFault, load
from edge.config.writing import as_toml
from edge.milestones.decode import Decoder, Malformed, ObservationSettings, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Observation, Value
from edge.milestones.rules import Lifecycle, Rule
from edge.profiles import expand
from edge.rules.explaining import sentences
from edge.rules.picture import mermaid
from tests.bounded_work import at_most
from tests.known_tracks import KnownTracks
from tests.property.test_hostile import SAMPLES, changed, places

ROOT = Path(__file__).parents[2]
NOW = 1_769_000_000_000
PLACEHOLDER = "@@hostile@@"


def tables() -> Iterator[Mapping[str, Any]]:
    """Yield the shipped site and the examples, as they are written and with profiles expanded."""
    files = [ROOT / "systemd" / "milepost.toml", *(ROOT / "docs" / "examples").glob("*.toml")]
    for file in sorted(files):
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        if "tests" not in table:
            yield table
            yield expand(table).table


PAYLOADS = [payload for samples in SAMPLES.values() for payload in samples]
TABLES = list(tables())
PLACES = [
    (number, place)
    for number, table in enumerate(TABLES)
    for place in places(table)
    if place[0] in ("observations", "rules", "lifecycles", "profiles") and len(place) > 1
]
NAMES = sorted({str(step) for _, place in PLACES for step in place})
TEXTS = [
    *("", "?", ".", "a..b", "subject/0", "subject/99999999999", "*", "[", "[z-a]", "/(/", "//"),
    *("/(a+)+/", "+", "#", "a/#/b", "$SYS/#", "{", "{{", "{source}", "\n", "é", "unit == null"),
    *("(" * 300 + "1" + ")" * 300, "[" * 500, "*a" * 200, "a." * 500 + "b", "x" * 10_000, "1 +"),
]
LITERALS = st.recursive(
    st.sampled_from([*TEXTS, *NAMES]).map(json.dumps)
    | st.sampled_from(
        [
            *("0", "-1", "1", "0.001", "1e308", "-1e308", "5e-324", "nan", "inf", "-inf", "true"),
            *("9" * 30, "9" * 5000, "2026-01-01", "2026-01-01T00:00:00Z", "07:32:00", "366e9"),
            *("false", "[" * 300 + "]" * 300, "[" * 3000 + "]" * 3000),
        ]
    )
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(st.sampled_from(NAMES).map(json.dumps), inner, max_size=3).map(
            lambda each: f"{{ {', '.join(f'{key} = {value}' for key, value in each.items())} }}"
        )
    ),
    max_leaves=5,
)
VALUES: Sequence[object] = [
    *TEXTS,
    *(0, -1, 1, 1e-9, 1e308, 5e-324, math.nan, math.inf, -math.inf, True, False, 10**400, 366e9),
    *([], {}, [[]], [{}], {"": ""}, {"a": {}}, [""], ["("], {"kind": "x"}, [{"kind": ""}], None),
    *(datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), time(7, 32)),
]
SEEN: Sequence[Value] = ["U1", 1, 2.5, True, "FINISHED"]
FIELD_VALUES: st.SearchStrategy[Value] = st.sampled_from(
    [None, "", 0, -1, 1.5, True, 2**53, -(2**62), 1e300, "x" * 1024, "U1", "0", "FINISHED", 3, 1e-9]
)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A good configuration with one of its settings replaced, under another name or left out."""
    number, place = draw(st.sampled_from(PLACES))
    table = dict(deepcopy(TABLES[number]))
    around: Any = table
    for step in place[:-1]:
        around = around[step]
    change = draw(st.sampled_from(["value", "value", "value", "name", "none"]))
    literal = draw(LITERALS)
    if change == "none":
        del around[place[-1]]
    elif change == "name" and isinstance(around, dict):
        around[draw(st.sampled_from([*NAMES, "", "é", "a b"]))] = around.pop(place[-1])
    elif len(place) == len(("section", "name")):  # a table: something else stands in its place
        section, name = place
        if isinstance(around, list):
            del table[str(section)]
            return "\n".join([f"{section} = {literal}", *as_toml(table)])
        del around[name]
        return "\n".join([*as_toml(table), f"[{section}]", f"{json.dumps(name)} = {literal}"])
    else:
        around[place[-1]] = PLACEHOLDER
    return "\n".join(as_toml(table)).replace(f'"{PLACEHOLDER}"', literal)


def run(configuration: Configuration, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Let it decode and conclude: what was not refused must work."""
    list(sentences(configuration))
    list(mermaid(configuration))
    observations = configuration.observations
    engine = RulesEngine(
        configuration.site.name,
        configuration.rules,
        configuration.lifecycles,
        sources_of(observations),
    )
    reading = Decoder(observations)
    tracks = KnownTracks()
    told = {kind: fields for each in observations for kind, fields in each.tells()}
    if not told:
        return
    for signal in range(1, 12):
        mapping = draw(st.sampled_from(observations))
        subject = mapping.subject.replace("+", "x").replace("#", "x")
        payload = draw(st.sampled_from(PAYLOADS))
        try:
            seen = reading.decode(signal, mapping.source, Signal(subject, payload, NOW))
        except Malformed:
            kind = draw(st.sampled_from(sorted(told)))
            fields = {field: draw(FIELD_VALUES) for field in sorted(told[kind])}
            at = draw(st.integers(0, 20_000) | st.integers(-(2**62), 2**62))
            seen = [Observation(signal, mapping.source, kind, at, fields)]
        tracks.commit(engine.collapse(seen, tracks))
        for owner in engine.owners():
            horizon = engine.horizon(owner, draw(st.sampled_from([0, 9_000, NOW, 2**62])), tracks)
            tracks.commit(engine.expire(tracks.due(owner, horizon), tracks, horizon))


def works(part: ObservationSettings | Rule | Lifecycle) -> None:
    """Let one part alone do what it can; a rule hears of what it asks for."""
    if isinstance(part, ObservationSettings):
        subject = part.subject.replace("+", "x").replace("#", "x")
        for payload in PAYLOADS:
            with suppress(Malformed):
                Decoder([part]).decode(1, part.source, Signal(subject, payload, NOW))
        return
    rules = {} if isinstance(part, Lifecycle) else {"rule": part}
    kinds = {each.hears for rule in rules.values() for each in rule.patterns()}
    try:
        engine = RulesEngine("site", rules, {}, {kind: frozenset({"s"}) for kind in kinds})
    except ValueError:  # it listens to milestones of a rule that is not here
        return
    tracks = KnownTracks()
    fields = {use.field for rule in rules.values() for use in rule.reads()}
    for signal, value in enumerate(SEEN, 1):
        observed: dict[str, Value] = dict.fromkeys(fields, value)
        seen = [Observation(signal, "s", kind, NOW + signal, observed) for kind in sorted(kinds)]
        tracks.commit(engine.collapse(seen, tracks))
    for horizon in (NOW + 60_000, 2**62):
        tracks.commit(engine.expire(tracks.due("rule", horizon), tracks, horizon))


@pytest.mark.parametrize(
    ("section", "model"),
    [("observations", ObservationSettings), ("rules", Rule), ("lifecycles", Lifecycle)],
)
def test_whatever_stands_in_place_of_a_setting_it_is_refused_or_works(
    section: str, model: Any
) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    done: set[str] = set()
    for table in TABLES:
        found = table.get(section, [])
        for settings_ in found.values() if isinstance(found, dict) else found:
            for place in places(settings_):
                named = ".".join([str(settings_.get("operator")), *map(str, place)])
                if named in done:
                    continue
                done.add(named)
                for value in VALUES:
                    with at_most(300_000):
                        try:
                            part = adapter.validate_python(changed(settings_, place, value))
                        except ValidationError:
                            continue
                        works(part)


@given(text=configurations(), data=st.data())
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_spoilt_configuration_is_refused_with_its_lines_or_works(
    tmp_path: Path, text: str, data: st.DataObject
) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(text, encoding="utf-8")
    try:
        with at_most(3_000_000):
            configuration = load(file)
    except ConfigurationFault as refused:
        for fault in refused.faults:
            assert fault.message
            assert fault.line is not None or fault.message.startswith("is not TOML")
        return
    run(configuration, data.draw)
