"""What an operator is told about the gateway's health. Pure: facts in, words out.

Healthy: everything works. Degraded: something needs attention, but what was
acknowledged is safe and will be delivered. Failing: the gateway does not do
its work.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from pydantic import ByteSize

from edge.control.facts import Backlog, ClocksHealth, Fact, Facts, LinkHealth, Recent, RoomHealth
from edge.wording import counted, in_words


class Status(StrEnum):
    """The verdict; `milepost health` exits 0, 1 or 2."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"

    @property
    def exit_code(self) -> int:
        """The exit status of `milepost health`."""
        return list(Status).index(self)


class Finding(Fact):
    """One thing that an operator should know, in a sentence."""

    status: Status
    about: str
    text: str


class Report(Fact):
    """The health report, as `milepost health --json` prints it."""

    status: Status
    findings: tuple[Finding, ...]
    facts: Facts


MIN_RATE = 0.05
"""Entries per second below which nothing is said of when a backlog is gone."""
WAITING_SECONDS = 60
"""An undelivered milestone older than this is worth a finding though the link is up."""
RECENT_SECONDS = 24 * 3600
"""How long a quarantined signal or a gap is worth a finding."""
SHORT_HOURS = 24
"""Room that lasts no longer is worth a finding."""
FRESH_SECONDS = 15
"""A daemon that wrote so recently may still run, though its control socket does not answer."""
WHAT_GROWS = "see `sudo milepost store stats` and `milepost outbox`"


def judge(facts: Facts) -> Report:
    """Conclude from the facts how the gateway does, the worst first."""
    findings = sorted(_findings(facts), key=lambda f: -f.status.exit_code)
    status = findings[0].status if findings else Status.HEALTHY
    return Report(status=status, findings=tuple(findings), facts=facts)


def _findings(facts: Facts) -> Iterator[Finding]:
    if not facts.running:
        yield Finding(status=Status.FAILING, about="milepost", text=_not_running(facts))
    if facts.room is not None:
        yield from _room(facts.room, facts)
    for directory in facts.set_aside:
        yield Finding(
            status=Status.DEGRADED,
            about="store",
            text=f"corrupt; set aside in {directory}, and a fresh one is in use: what was not "
            "delivered yet is in there alone; bring it over with `sudo milepost store recover`",
        )
    for link in facts.links:
        if link.direction == "source":
            yield from _source(link, facts)
    links = {link.name: link for link in facts.links if link.direction == "destination"}
    for backlog in facts.backlogs:
        findings: Iterable[Finding] = _destination(backlog, links.get(backlog.destination), facts)
        if backlog.shadow_of is not None:
            findings = map(_in_shadow, findings)
        yield from findings
    yield from _recent(
        facts,
        facts.latest_quarantined,
        f"{counted(facts.quarantined, 'signal')} in quarantine",
        "milepost quarantine list",
    )
    yield from _recent(
        facts, facts.latest_gap, f"{counted(facts.gaps, 'gap')} recorded", "milepost gaps"
    )


def _not_running(facts: Facts) -> str:
    status = "see `systemctl status milepost`"
    start = (
        "start it: `sudo systemctl start milepost`; "
        "if it does not stay, `journalctl -u milepost` says why"
    )
    age = None if facts.alive_at is None else facts.now - facts.alive_at
    sign = (
        "it never ran with this store" if age is None else f"last sign of life {in_words(age)} ago"
    )
    if facts.silence is not None:
        return f"{facts.silence}; {sign}; {status}"
    if age is not None and age < FRESH_SECONDS * 1000:
        return f"not running, or [control] socket is not its own; {sign}; {status}"
    return f"not running; {sign}; {start}"


def _room(room: RoomHealth, facts: Facts) -> Iterator[Finding]:
    used, budget = _size(room.used), _size(room.budget)
    lanes = {link.lane for link in facts.links if link.direction == "source"}
    held = {lane: since for lane, since in room.held.items() if lane in lanes}
    if held:
        is_all = len(held) == len(lanes)
        whom = "any source" if is_all else f"{' and '.join(held)} sources"
        since = in_words(facts.now - min(held.values()))
        # Sources of the bulk lane are meant to wait first: the others are still heard.
        status = Status.DEGRADED if set(held) == {"bulk"} and not is_all else Status.FAILING
        yield Finding(
            status=status,
            about="store",
            text=f"full: for {since} nothing is taken in from {whom}: they keep what they have to "
            f"say; {used} of {budget} used, {_size(room.free_on_volume)} free on the disk. "
            f"Delivery goes on; make room, or raise [store] max_size and restart; {WHAT_GROWS}",
        )
    elif room.hours_left is not None and room.hours_left < SHORT_HOURS:
        assert room.bytes_per_hour is not None
        yield Finding(
            status=Status.DEGRADED,
            about="store",
            text=f"room for {in_words(round(room.hours_left * 3_600_000))} more: {used} of "
            f"{budget} used, growing by {_size(room.bytes_per_hour)} an hour; {WHAT_GROWS}",
        )


def _size(size: int) -> str:
    return ByteSize(size).human_readable(decimal=True, separator=" ")


def _source(link: LinkHealth, facts: Facts) -> Iterator[Finding]:
    if not link.is_up:
        sources = [other for other in facts.links if other.direction == "source"]
        # With no source left the gateway hears nothing at all.
        deaf = not any(other.is_up for other in sources)
        status = Status.FAILING if deaf else Status.DEGRADED
        since = in_words(facts.now - link.changed_at)
        yield Finding(status=status, about=link.name, text=f"down for {since}: {link.reason}")
    for subject, text in link.faults.items():
        yield Finding(status=Status.DEGRADED, about=link.name, text=f"{subject}: {text}")
    for text in _clocks(link.clocks) if link.clocks is not None else ():
        yield Finding(status=Status.DEGRADED, about=link.name, text=text)


def _clocks(clocks: ClocksHealth) -> Iterator[str]:
    remedy = "set it (NTP), or what it tells is misjudged"
    fastest, slowest = clocks.fastest, clocks.slowest
    if fastest is not None and fastest.ahead > clocks.most:
        yield f"{fastest.subject}: its clock is {in_words(fastest.ahead)} ahead; {remedy}"
    if slowest is not None and -slowest.ahead > clocks.most:
        behind = f"{in_words(-slowest.ahead)} behind, or it tells everything so late"
        yield f"{slowest.subject}: its clock is {behind}; {remedy}"
    if clocks.never_set:
        first, *others = clocks.never_set
        more = f" and {len(others)} more" if others else ""
        yield f"{first}{more}: clock never set, what it tells counts from its arrival; set it (NTP)"


def _destination(backlog: Backlog, link: LinkHealth | None, facts: Facts) -> Iterator[Finding]:
    waiting = ""
    age = 0
    if backlog.pending:
        age = facts.now - (backlog.oldest_recorded_at or facts.now)
        waiting = f"{counted(backlog.pending, 'milestone')} waiting, oldest for {in_words(age)}"
    if link is not None and not link.is_up and link.reason:
        since = in_words(facts.now - link.changed_at)
        text = f"down for {since}: {link.reason}"
        if waiting:
            text = f"down for {since}, {waiting}: {link.reason}; see `{_listing(backlog)}`"
        yield Finding(status=Status.DEGRADED, about=backlog.destination, text=text)
    elif backlog.pending and (not facts.running or age > WAITING_SECONDS * 1000):
        yield Finding(
            status=Status.DEGRADED,
            about=backlog.destination,
            text=f"{waiting}{_time_to_drain(backlog)}; see `{_listing(backlog)}`",
        )
    if backlog.dead:
        text = (
            f"{counted(backlog.dead, 'dead letter')}: rejected for good, waiting for a decision; "
            f"see `{_listing(backlog)} --state dead`"
        )
        yield Finding(status=Status.DEGRADED, about=backlog.destination, text=text)


def _in_shadow(finding: Finding) -> Finding:
    """Return what is worth knowing, and worries nobody: nothing depends on it."""
    return Finding(status=Status.HEALTHY, about=f"{finding.about} (in shadow)", text=finding.text)


def _time_to_drain(backlog: Backlog) -> str:
    """Return how long the backlog takes at the present rate, if there is one."""
    if backlog.pace is None or backlog.pace.per_second < MIN_RATE:
        return ""
    rate = backlog.pace.per_second
    return f", gone in about {in_words(round(backlog.pending / rate * 1000))} at {rate:.3g}/s"


def _listing(backlog: Backlog) -> str:
    return f"milepost outbox --destination {backlog.destination}"


def _recent(facts: Facts, newest: Recent | None, what: str, command: str) -> Iterable[Finding]:
    if newest is not None and facts.now - newest.at <= RECENT_SECONDS * 1000:
        ago = in_words(facts.now - newest.at)
        text = f"{what}, newest {ago} ago ({newest.subject}): {newest.reason}; see `{command}`"
        yield Finding(status=Status.DEGRADED, about=newest.source, text=text)
