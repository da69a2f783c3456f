"""What truly happens follows from what the devices say, and from nothing else."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

import pytest

from simulators.scenario import Act, Fact, Garbage, Record, Report, Scenario, Transport, plan
from simulators.scenario.identifiers import check_digit
from simulators.scenario.misbehaviour import MOST_DELAY
from simulators.scenario.outbound import LINE_GAP

LENGTHS = [(seed, seconds) for seed in range(4) for seconds in (20.0, 60.0, 120.0)]
LONGEST_CONVEYOR = 3.0
LOST_AFTER = 6.0
LONGEST_LOADING = 5.0


@pytest.fixture(scope="module", params=LENGTHS, ids=str)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    seed, seconds = request.param
    return plan(seed, seconds)


def reports(scenario: Scenario, topic: str) -> list[Report]:
    """Return what was published on topics that begin so, as it occurred, each once."""
    said = {
        (message.topic, message.fields["device"], message.fields["seq"]): message
        for act in scenario.acts
        if isinstance(message := act.message, Report) and message.topic.startswith(topic)
    }
    return sorted(said.values(), key=lambda report: report.occurred)


def records(scenario: Scenario, kind: str) -> list[Record]:
    """Return the PLC's records of a type, as they occurred."""
    said = [a.message for a in scenario.acts if isinstance(a.message, Record)]
    return sorted((r for r in said if r.fields["type"] == kind), key=lambda r: r.occurred)


def read_scanners(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    seen = set()
    for scan in reports(scenario, "dc/scanner/"):
        unit = f"unit:{scan.fields['barcode']}"
        if "returns" in scan.topic:
            fact = Fact.of("returned", unit, rma=scan.fields["rma"])
        else:
            fact = Fact.of("received", unit)
        if fact not in seen:
            seen.add(fact)
            yield scan.occurred, fact


def watch_conveyor(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    diverted = {record.fields["unit"]: record.occurred for record in records(scenario, "divert")}
    for scan in records(scenario, "scan"):
        unit = scan.fields["unit"]
        if unit not in diverted:
            yield scan.occurred + LOST_AFTER, Fact.of("lost", f"unit:{unit}")
        else:
            assert 0 < diverted[unit] - scan.occurred <= LONGEST_CONVEYOR


def watch_vehicles(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    for act in scenario.acts:
        if isinstance(act.message, Transport):
            for unit in act.message.units:
                yield act.offset + act.message.seconds, Fact.of("stored", f"unit:{unit}")


def watch_picking(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    picks: dict[tuple[object, ...], dict[object, int]] = defaultdict(dict)
    completed: dict[tuple[object, ...], float] = {}
    for pick in reports(scenario, "dc/pick/"):
        f = pick.fields
        line = (f["order"], f["line"], f["item"])
        if pick.topic.endswith("/pick"):
            picks[line][f["pick"]] = int(f["quantity"])
            if sum(picks[line].values()) == f["requested"]:
                completed.setdefault(line, pick.occurred)
    for closed in reports(scenario, "dc/pick/"):
        f = closed.fields
        if not closed.topic.endswith("/line"):
            continue
        line = (f["order"], f["line"], f["item"])
        assert sum(picks[line].values()) == f["picked"] != 0
        told = {"line": f["line"], "item": f["item"], "quantity": f["picked"]}
        if line in completed:
            yield completed[line], Fact.of("picked", f"order:{f['order']}", **told)
        else:
            told["requested"] = f["requested"]
            yield closed.occurred, Fact.of("short", f"order:{f['order']}", **told)


def watch_packing(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    contents: dict[object, set[str]] = defaultdict(set)
    for scan in reports(scenario, "dc/pack/"):
        f = scan.fields
        if scan.topic.endswith("/scan"):
            contents[f["carton"]].add(str(f["epc"]))
    for closed in reports(scenario, "dc/pack/"):
        f = closed.fields
        if closed.topic.endswith("/close"):
            children = tuple(sorted(contents[f["carton"]]))
            assert len(children) == f["count"] != 0
            key = f"unit:{f['carton']}"
            yield closed.occurred, Fact.of("packed", key, order=f["order"], children=children)


def watch_doors(scenario: Scenario) -> Iterable[tuple[float, Fact]]:
    order = {
        closed.fields["carton"]: closed.fields["order"]
        for closed in reports(scenario, "dc/pack/")
        if closed.topic.endswith("/close")
    }
    scanned = {r.fields["unit"]: r for r in records(scenario, "door-scan")}
    on_board: dict[object, dict[str | int, float]] = defaultdict(dict)
    for load in records(scenario, "load"):
        unit = load.fields["unit"]
        assert load.fields["trailer"] == scanned[unit].fields["trailer"]
        assert 0 < load.occurred - scanned[unit].occurred <= LONGEST_LOADING
        on_board[load.fields["trailer"]][unit] = load.occurred
        yield load.occurred, Fact.of("loaded", f"unit:{unit}", order=order[unit])
    for release in records(scenario, "release"):
        units = on_board.pop(release.fields["trailer"])
        assert release.fields["count"] == len(units)
        assert release.occurred > max(units.values())
        for unit in units:
            yield release.occurred, Fact.of("departed", f"unit:{unit}", order=order[unit])
    assert not on_board


def conclude(scenario: Scenario) -> list[Fact]:
    """Conclude every fact from what the devices say, as a patient person would."""
    concluded = [
        *read_scanners(scenario),
        *watch_conveyor(scenario),
        *watch_vehicles(scenario),
        *watch_picking(scenario),
        *watch_packing(scenario),
        *watch_doors(scenario),
    ]
    return [fact for _, fact in sorted(concluded, key=lambda pair: pair[0])]


def test_what_the_devices_say_decides_what_is_true(scenario: Scenario) -> None:
    concluded = conclude(scenario)
    assert len(concluded) == len(set(concluded))
    assert set(concluded) == set(scenario.truth)


def test_the_times_that_the_devices_tell_decide_the_order_of_each_key(scenario: Scenario) -> None:
    concluded = conclude(scenario)
    for key in {fact.key for fact in scenario.truth}:
        assert tuple(f for f in concluded if f.key == key) == scenario.order_of(key)


def test_a_play_has_forty_orders_and_two_hundred_units_whatever_its_length(
    scenario: Scenario,
) -> None:
    keys = {fact.key for fact in scenario.truth}
    names = {fact.name for fact in scenario.truth}
    assert sum(key.startswith("order:") for key in keys) >= 40
    assert sum(key.startswith("unit:") for key in keys) >= 200
    assert names == {
        *("received", "stored", "picked", "packed", "loaded", "departed"),
        *("returned", "short", "lost"),
    }


def test_every_unit_lives_one_of_the_lives_of_a_unit(scenario: Scenario) -> None:
    lives: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for fact in scenario.truth:
        if fact.key.startswith("unit:"):
            lives[fact.key] += (fact.name,)
    outbound = ("packed", "loaded", "departed")
    assert set(lives.values()) == {
        ("received", "stored"),
        ("received", "lost"),
        outbound,
        (*outbound, "returned"),
        ("returned",),
        ("returned", "returned"),
    }


def test_no_fact_is_true_twice(scenario: Scenario) -> None:
    assert len(set(scenario.truth)) == len(scenario.truth)


def test_the_play_takes_about_the_given_seconds(scenario: Scenario) -> None:
    offsets = [act.offset for act in scenario.acts]
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert 0.8 * scenario.seconds < offsets[-1] < scenario.seconds + 4


def test_the_same_seed_gives_the_same_play_and_another_seed_another() -> None:
    assert plan(5, 30) == plan(5, 30)
    assert plan(5, 30).truth != plan(6, 30).truth


def test_a_play_too_short_for_an_order_to_flow_through_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 20 seconds"):
        plan(1, 19.9)


def test_every_sscc_and_gtin_has_a_valid_check_digit(scenario: Scenario) -> None:
    units = {fact.key.removeprefix("unit:") for fact in scenario.truth if "unit:" in fact.key}
    items = {str(value) for f in scenario.truth for name, value in f.detail if name == "item"}
    assert {len(unit) for unit in units} == {18}
    assert {len(item) for item in items} == {14}
    assert all(number[-1] == check_digit(number[:-1]) for number in units | items)


def test_check_digits_agree_with_published_examples() -> None:
    assert check_digit("34012345123456789") == "5"
    assert check_digit("629104150021") == "3"  # GS1's own example, GTIN-13 6291041500213


def lateness(act: Act) -> float:
    assert isinstance(act.message, Report | Record)
    return act.offset - act.message.occurred


def test_devices_are_late_but_never_later_than_the_bound(scenario: Scenario) -> None:
    late = [lateness(act) for act in scenario.acts if isinstance(act.message, Report | Record)]
    assert min(late) == 0
    assert 1.0 < max(late) <= MOST_DELAY


def test_each_device_tells_what_it_sees_in_the_order_in_which_it_saw_it(
    scenario: Scenario,
) -> None:
    told: dict[str, int] = defaultdict(int)
    for act in scenario.acts:
        if isinstance(act.message, Report):
            number = int(act.message.fields["seq"])
            assert number <= told[act.device] + 1, act
            told[act.device] = max(told[act.device], number)


def test_some_messages_come_twice_and_some_labels_are_read_twice(scenario: Scenario) -> None:
    sent = [act.message for act in scenario.acts if isinstance(act.message, Report)]
    keys = [(m.fields["device"], m.fields["seq"]) for m in sent]
    assert len(keys) > len(set(keys))
    labels = [m.fields["barcode"] for m in reports(scenario, "dc/scanner/dock")]
    assert len(labels) > len(set(labels))


def test_across_devices_evidence_comes_out_of_order() -> None:
    closes_first = loads_first = 0
    for seed in range(4):
        scenario = plan(seed, 60)
        closed: dict[object, float] = {}
        confirmed: dict[object, float] = {}
        for act in scenario.acts:
            if isinstance(act.message, Report) and "/pack/" in act.message.topic:
                carton = act.message.fields["carton"]
                if act.message.topic.endswith("/close"):
                    closed.setdefault(carton, act.offset)
                elif carton in closed:
                    closes_first += 1
            elif isinstance(act.message, Record):
                unit = act.message.fields.get("unit")
                if act.message.fields["type"] == "load":
                    confirmed[unit] = act.offset
                elif act.message.fields["type"] == "door-scan" and unit in confirmed:
                    loads_first += 1
    assert closes_first >= 5
    assert loads_first >= 1


def test_lines_of_one_order_are_completed_far_enough_apart_to_tell_their_order(
    scenario: Scenario,
) -> None:
    completed = defaultdict(list)
    for at, fact in watch_picking(scenario):
        completed[fact.key].append(at)
    for times in completed.values():
        times.sort()
        assert all(b - a >= LINE_GAP - 1e-9 for a, b in pairwise(times))


def test_a_vehicle_is_given_its_next_order_only_after_the_hold_of_the_last(
    scenario: Scenario,
) -> None:
    free: dict[str, float] = defaultdict(float)
    for act in scenario.acts:
        if isinstance(act.message, Transport):
            assert act.offset >= free[act.device]
            assert act.message.hold >= 2.5
            free[act.device] = act.offset + act.message.seconds + act.message.hold


def is_readable(payload: bytes) -> bool:
    """Return whether the payload is a scan: an object with a bar code and a time."""
    try:
        scan = json.loads(payload)
        return isinstance(scan["barcode"], str) and bool(datetime.fromisoformat(scan["time"]))
    except (ValueError, TypeError, KeyError):
        return False


def test_what_a_broken_scanner_sends_is_never_a_scan(scenario: Scenario) -> None:
    garbage = [act.message for act in scenario.acts if isinstance(act.message, Garbage)]
    scans = reports(scenario, "dc/scanner/")
    assert 10 <= len(garbage) <= 20
    assert not any(is_readable(message.payload) for message in garbage)
    assert is_readable(json.dumps({**scans[0].fields, "time": "2026-01-01T00:00:00Z"}).encode())


def test_a_site_that_is_to_play_too_short_says_so() -> None:
    site = [sys.executable, "-m", "simulators.site", "--seed=1", "--opcua-port=1", "--mqtt-port=1"]
    done = subprocess.run([*site, "--seconds=10"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "error: a scenario needs at least 20 seconds, not 10"
    )
