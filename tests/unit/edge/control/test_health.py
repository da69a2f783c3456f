"""What an operator is told: each finding a sentence, the worst first."""

from typing import Any

import pytest

from edge.control.facts import Backlog, Facts, LinkHealth, PaceHealth, Recent, RoomHealth
from edge.control.health import RECENT_SECONDS, WAITING_SECONDS, Status, judge

NOW = 1_772_352_000_000
MINUTE = 60_000


def link(name: str, direction: str = "source", **more: Any) -> LinkHealth:
    known = {"is_up": True, "changed_at": NOW - 252_000, "reason": "", "faults": {}}
    known["lane"] = "normal" if direction == "source" else None
    return LinkHealth.model_validate({"name": name, "direction": direction, **known, **more})


def backlog(**more: Any) -> Backlog:
    known = {"pending": 0, "delivered": 0, "dead": 0}
    times = {"oldest_recorded_at": None}
    return Backlog.model_validate({"destination": "erp", **known, **times, **more})


def room(**more: Any) -> RoomHealth:
    known: dict[str, Any] = {
        "used": 2_000_000_000,
        "budget": 10_000_000_000,
        "free_on_volume": 20_000_000_000,
        "held": {},
        "bytes_per_hour": 1_000_000,
        "hours_left": 8000.0,
    }
    return RoomHealth.model_validate(known | more)


def facts(**more: Any) -> Facts:
    known: dict[str, Any] = {
        "now": NOW,
        "running": True,
        "started_at": NOW - 10 * MINUTE,
        "alive_at": NOW - 2000,
        "links": (link("plc"), link("floor"), link("erp", "destination")),
        "backlogs": (backlog(),),
        "room": room(),
        "set_aside": (),
        "signals": 10,
        "milestones": {"picked": 3},
        "quarantined": 0,
        "latest_quarantined": None,
        "gaps": 0,
        "latest_gap": None,
    }
    return Facts.model_validate(known | more)


def sentences(**more: Any) -> list[str]:
    """Return what an operator reads, as the command prints it."""
    return [f"{finding.about}: {finding.text}" for finding in judge(facts(**more)).findings]


def test_without_a_finding_the_gateway_is_healthy() -> None:
    report = judge(facts())
    assert (report.status, report.findings) == (Status.HEALTHY, ())
    assert report.facts == facts()


def test_what_is_wrong_with_a_destination_in_shadow_is_told_and_worries_nobody() -> None:
    report = judge(facts(backlogs=(backlog(dead=2, shadow_of="wms"),)))
    assert report.status is Status.HEALTHY
    (finding,) = report.findings
    assert (finding.status, finding.about) == (Status.HEALTHY, "erp (in shadow)")
    assert "2 dead letters" in finding.text


def clocks(**more: Any) -> dict[str, Any]:
    return {"links": (link("floor", clocks={"most": 30_000, **more}),)}


def test_a_clock_that_is_off_by_more_than_is_allowed_is_named_with_what_to_do() -> None:
    told = clocks(
        fastest={"subject": "dc/scanner/dock-in-3/scan", "ahead": 42_000},
        slowest={"subject": "dc/pick/p1/pick", "ahead": -90_500},
        never_set=("dc/pack/p1/scan", "dc/pack/p2/scan"),
    )
    remedy = "set it (NTP), or what it tells is misjudged"
    arrival = "what it tells counts from its arrival; set it (NTP)"
    late = "or it tells everything so late"
    assert sentences(**told) == [
        f"floor: dc/scanner/dock-in-3/scan: its clock is 42 s ahead; {remedy}",
        f"floor: dc/pick/p1/pick: its clock is 1 min 30 s behind, {late}; {remedy}",
        f"floor: dc/pack/p1/scan and 1 more: clock never set, {arrival}",
    ]
    assert judge(facts(**told)).status is Status.DEGRADED


def test_a_clock_that_is_off_by_as_much_as_is_allowed_is_no_finding() -> None:
    told = clocks(
        fastest={"subject": "a", "ahead": 30_000}, slowest={"subject": "b", "ahead": -30_000}
    )
    assert sentences(**told) == []


def test_the_status_is_the_exit_code() -> None:
    assert [status.exit_code for status in Status] == [0, 1, 2]
    assert list(Status) == [Status.HEALTHY, Status.DEGRADED, Status.FAILING]


def test_a_destination_that_is_away_says_why_how_long_and_what_waits() -> None:
    report = judge(
        facts(
            links=(
                link("plc"),
                link("erp", "destination", is_up=False, reason="refusing connections"),
            ),
            backlogs=(backlog(pending=318, oldest_recorded_at=NOW - 4 * MINUTE),),
        )
    )
    assert report.status is Status.DEGRADED
    assert [f"{each.about}: {each.text}" for each in report.findings] == [
        (
            "erp: down for 4 min 12 s, 318 milestones waiting, oldest for 4 min: "
            "refusing connections; see `milepost outbox --destination erp`"
        )
    ]


def test_a_destination_that_is_away_with_nothing_waiting_says_so_as_well() -> None:
    away = link("erp", "destination", is_up=False, reason="refusing connections")
    assert sentences(links=(link("plc"), away)) == [
        "erp: down for 4 min 12 s: refusing connections"
    ]


def test_a_destination_that_was_not_needed_yet_is_no_finding() -> None:
    unused = link("erp", "destination", is_up=False, reason="")
    assert sentences(links=(link("plc"), unused)) == []


def test_a_milestone_that_waits_too_long_is_a_finding_though_the_link_is_up() -> None:
    waited = WAITING_SECONDS * 1000
    young = backlog(pending=1, oldest_recorded_at=NOW - waited)
    old = backlog(pending=1, oldest_recorded_at=NOW - waited - 1)
    assert sentences(backlogs=(young,)) == []
    assert sentences(backlogs=(old,)) == [
        "erp: 1 milestone waiting, oldest for 1 min; see `milepost outbox --destination erp`"
    ]


def test_dead_letters_come_with_the_command_that_shows_them() -> None:
    report = judge(facts(backlogs=(backlog(dead=2),)))
    assert report.status is Status.DEGRADED
    (finding,) = report.findings
    assert finding.text == (
        "2 dead letters: rejected for good, waiting for a decision; "
        "see `milepost outbox --destination erp --state dead`"
    )


def test_one_source_down_degrades_and_the_last_one_fails() -> None:
    down = link("plc", is_up=False, reason="no answer from opc.tcp://plc:4840")
    one = judge(facts(links=(down, link("floor"))))
    assert (one.status, [each.text for each in one.findings]) == (
        Status.DEGRADED,
        ["down for 4 min 12 s: no answer from opc.tcp://plc:4840"],
    )
    both = judge(facts(links=(down, link("floor", is_up=False, reason="broker gone"))))
    assert both.status is Status.FAILING
    assert [finding.about for finding in both.findings] == ["plc", "floor"]


def test_what_is_wrong_on_a_link_that_is_up_is_told_by_subject() -> None:
    up = link("plc", faults={"sorter-speed": "BadNodeIdUnknown", "counter": "BadOutOfService"})
    assert sentences(links=(up,)) == [
        "plc: sorter-speed: BadNodeIdUnknown",
        "plc: counter: BadOutOfService",
    ]


def test_recent_losses_and_quarantined_signals_are_told_for_a_day() -> None:
    day = RECENT_SECONDS * 1000
    recent = Recent(at=NOW - 5 * MINUTE, source="floor", subject="scan/1", reason="no JSON")
    lost = Recent(at=NOW - day, source="plc", subject="conveyor", reason="buffer overrun")
    old = lost.model_copy(update={"at": NOW - day - 1})
    told = sentences(quarantined=2, latest_quarantined=recent, gaps=1, latest_gap=lost)
    assert told == [
        (
            "floor: 2 signals in quarantine, newest 5 min ago (scan/1): no JSON; "
            "see `milepost quarantine list`"
        ),
        "plc: 1 gap recorded, newest 1 d ago (conveyor): buffer overrun; see `milepost gaps`",
    ]
    assert sentences(gaps=1, latest_gap=old) == []


@pytest.mark.parametrize(
    ("alive_at", "text"),
    [
        (NOW - 252_000, "not running; last sign of life 4 min 12 s ago"),
        (None, "not running; it never ran with this store"),
    ],
)
def test_a_gateway_that_does_not_run_fails_and_says_how_to_start_it(
    alive_at: int | None, text: str
) -> None:
    report = judge(facts(running=False, alive_at=alive_at, links=()))
    assert report.status is Status.FAILING
    assert [finding.text for finding in report.findings] == [
        (
            f"{text}; start it: `sudo systemctl start milepost`; "
            "if it does not stay, `journalctl -u milepost` says why"
        )
    ]


def test_a_gateway_that_wrote_a_moment_ago_is_not_declared_dead_for_its_socket_alone() -> None:
    (text,) = sentences(running=False, alive_at=NOW - 2000, links=())
    assert "not running, or [control] socket is not its own" in text
    assert "systemctl status milepost" in text


@pytest.mark.parametrize(
    ("alive_at", "sign"),
    [
        (NOW - 2000, "last sign of life 2 s ago"),
        (NOW - 68_000, "last sign of life 1 min 8 s ago"),
        (None, "it never ran with this store"),
    ],
)
def test_a_daemon_that_listens_and_does_not_answer_is_not_said_to_need_a_start(
    alive_at: int | None, sign: str
) -> None:
    silent = {"running": False, "silence": "does not answer within 5 s", "links": ()}
    assert sentences(**silent, alive_at=alive_at) == [
        f"milepost: does not answer within 5 s; {sign}; see `systemctl status milepost`"
    ]


def test_while_it_does_not_run_everything_that_waits_is_told() -> None:
    waits = backlog(pending=3, oldest_recorded_at=NOW - 5000)
    told = sentences(running=False, links=(), backlogs=(waits,))
    assert told[1:] == [
        "erp: 3 milestones waiting, oldest for 5 s; see `milepost outbox --destination erp`"
    ]


def test_the_worst_comes_first() -> None:
    report = judge(
        facts(
            links=(link("plc", is_up=False, reason="away"),),
            backlogs=(backlog(dead=1),),
            running=False,
            latest_gap=Recent(at=NOW, source="plc", subject="x", reason="y"),
        )
    )
    codes = [finding.status.exit_code for finding in report.findings]
    assert codes == sorted(codes, reverse=True) == [2, 2, 1, 1]
    assert report.status.exit_code == 2


def test_a_store_that_is_full_fails_and_says_who_waits_and_that_delivery_goes_on() -> None:
    full = room(used=9_500_000_000, held={"normal": NOW - 3 * MINUTE, "bulk": NOW - 5 * MINUTE})
    links = (link("plc"), link("floor", lane="bulk"), link("gate", lane="critical"))
    report = judge(facts(room=full, links=links))
    assert report.status is Status.FAILING
    assert [each.text for each in report.findings] == [
        (
            "full: for 5 min nothing is taken in from normal and bulk sources: they keep what "
            "they have to say; 9.5 GB of 10.0 GB used, 20.0 GB free on the disk. "
            "Delivery goes on; make room, or raise [store] max_size and restart; "
            "see `sudo milepost store stats` and `milepost outbox`"
        )
    ]


def test_bulk_sources_that_wait_alone_leave_the_gateway_at_work() -> None:
    links = (link("plc"), link("floor", lane="bulk"))
    report = judge(facts(room=room(held={"bulk": NOW - MINUTE}), links=links))
    assert report.status is Status.DEGRADED
    assert "from bulk sources:" in report.findings[0].text


def test_only_lanes_that_have_sources_are_named() -> None:
    held = {"critical": NOW - MINUTE, "normal": NOW - 2 * MINUTE, "bulk": NOW - 9 * MINUTE}
    report = judge(facts(room=room(held=held)))
    assert report.status is Status.FAILING
    assert report.findings[0].text.startswith(
        "full: for 2 min nothing is taken in from any source:"
    )
    assert sentences(room=room(held={"bulk": NOW - MINUTE})) == []


def test_with_nothing_but_bulk_sources_none_is_heard() -> None:
    report = judge(facts(room=room(held={"bulk": NOW - MINUTE}), links=(link("plc", lane="bulk"),)))
    assert report.status is Status.FAILING
    assert "from any source:" in report.findings[0].text


@pytest.mark.parametrize(("hours", "told"), [(5.5, True), (24.0, False), (None, False)])
def test_room_that_lasts_less_than_a_day_is_told_with_its_hours(
    hours: float | None,
    told: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    short = room(used=8_000_000_000, bytes_per_hour=360_000_000, hours_left=hours)
    words = [
        (
            "store: room for 5 h 30 min more: 8.0 GB of 10.0 GB used, growing by 360.0 MB an hour; "
            "see `sudo milepost store stats` and `milepost outbox`"
        )
    ]
    assert sentences(room=short) == (words if told else [])


def test_a_store_that_was_set_aside_is_told_until_it_is_recovered() -> None:
    report = judge(facts(set_aside=("/var/lib/milepost/milepost.db.corrupt-1",)))
    assert report.status is Status.DEGRADED
    (finding,) = report.findings
    assert "/var/lib/milepost/milepost.db.corrupt-1" in finding.text
    assert "`sudo milepost store recover`" in finding.text


def test_a_backlog_says_when_it_will_be_gone_at_the_present_rate() -> None:
    pace = PaceHealth(per_second=7.0, in_flight=2, concurrency=2)
    old = {"pending": 1260, "oldest_recorded_at": NOW - 5 * MINUTE}
    assert sentences(backlogs=(backlog(**old, pace=pace),)) == [
        (
            "erp: 1260 milestones waiting, oldest for 5 min, gone in about 3 min at 7/s; "
            "see `milepost outbox --destination erp`"
        )
    ]
    still = pace.model_copy(update={"per_second": 0.0})
    assert sentences(backlogs=(backlog(**old, pace=still),)) == [
        "erp: 1260 milestones waiting, oldest for 5 min; see `milepost outbox --destination erp`"
    ]


def test_a_destination_that_is_down_does_not_drain() -> None:
    pace = PaceHealth(per_second=7.0, in_flight=1, concurrency=1)
    waits = backlog(pending=1260, oldest_recorded_at=NOW - 5 * MINUTE, pace=pace)
    away = link("erp", "destination", is_up=False, reason="refusing connections")
    (text,) = sentences(links=(link("plc"), away), backlogs=(waits,))
    assert "1260 milestones waiting, oldest for 5 min: refusing connections" in text
